//! Worlds as a stranger would write them: uniform choices, few columns, nothing of what `synth` plants. An operator is whoever
//! shares cards, addresses and prompts across each other; look-alikes share one of them.

mod world;

use std::collections::BTreeMap;

use crate::support::Bench;
use world::{Random, TENANTS, World};

/// Of each operator the precision and recall of its network, and the benign accounts flagged.
fn found(world: &World, columns: &[usize]) -> (BTreeMap<String, (f64, f64)>, u64) {
    found_at(&Bench::new(), world, columns, "")
}

/// The same, with the store left there. `map`: further kinds, as a file for `--map` has them.
fn found_at(bench: &Bench, world: &World, columns: &[usize], map: &str) -> (BTreeMap<String, (f64, f64)>, u64) {
    found_in(bench, world, world.csv(columns), map)
}

/// The same of rows that are written already.
fn found_in(bench: &Bench, world: &World, rows: String, map: &str) -> (BTreeMap<String, (f64, f64)>, u64) {
    let table = |of: &BTreeMap<String, &'static str>| {
        of.iter().map(|(account, name)| format!("{account},{name}\n")).collect::<String>()
    };
    let events = bench.file("events.csv", rows);
    let labels = bench.file("labels.csv", "account_id,network\n".to_owned() + &table(&world.labels));
    let groups = bench.file("groups.csv", "account_id,group\n".to_owned() + &table(&world.groups));
    let accounts = if world.created.is_empty() {
        "account_id,org\n".to_owned() + &table(&world.organisations)
    } else {
        let line = |(account, made): (&String, &String)| format!("{account},{made}\n");
        "account_id,created_at\n".to_owned() + &world.created.iter().map(line).collect::<String>()
    };
    let accounts = bench.file("accounts.csv", accounts);
    let map = bench.file("map.toml", map);
    bench.ok(&["build", &events, "--accounts", &accounts, "--map", &map, "-o", "store", "--quiet"]);
    let flagged = bench.run(&["detect", "store", "--quiet"]);
    assert_eq!(flagged.code, i32::from(world.labels.is_empty()), "{}{}", flagged.stdout, flagged.stderr);
    let judged = bench.ok(&["evaluate", "store", "--labels", &labels, "--benign", &groups, "--format", "json"]).json();
    let networks = judged["networks"].as_array().expect("networks").iter().map(|network| {
        let number = |key: &str| network[key].as_f64().unwrap_or_default();
        (network["truth"].as_str().unwrap_or_default().to_owned(), (number("precision"), number("recall")))
    });
    (networks.collect(), judged["benign_flagged"].as_u64().expect("a number"))
}

const ALL: [usize; 5] = [0, 1, 2, 3, 4];

fn with_operators(seed: u64) -> World {
    let mut world = World::benign(seed);
    world.operator("large", 400);
    world.operator("small", 60);
    world
}

#[test]
fn operators_whose_times_say_nothing_are_found_whole_and_nobody_else() {
    for seed in 1..=2 {
        let (networks, benign) = found(&with_operators(seed), &ALL);
        assert_eq!(networks["large"], (1.0, 1.0), "seed {seed}");
        assert_eq!(networks["small"], (1.0, 1.0), "seed {seed}");
        assert_eq!(benign, 0, "seed {seed}");
    }
}

#[test]
fn without_prompts_or_without_times_cards_and_addresses_are_enough_for_the_large_one() {
    let world = with_operators(3);
    for columns in [&ALL[..4], &ALL[1..]] {
        let (networks, benign) = found(&world, columns);
        let (precision, recall) = networks["large"];
        assert!(precision >= 0.98 && recall >= 0.98, "{columns:?}: {precision} {recall}");
        assert_eq!(benign, 0, "{columns:?}");
    }
}

#[test]
fn clusters_that_one_set_of_cards_pays_for_and_a_grid_without_prompts_are_found_whole() {
    let mut world = World::of_homes(4, 2_500);
    world.by_plan("planned", 1_500);
    let (networks, benign) = found(&world, &ALL);
    assert!(networks["planned"].0 >= 0.99 && networks["planned"].1 >= 0.99, "{networks:?}");
    assert_eq!(benign, 0);
    let mut world = World::of_homes(5, 1_500);
    world.fixed_grid("grid");
    let (networks, benign) = found(&world, &ALL[..4]);
    assert!(networks["grid"].0 >= 0.95 && networks["grid"].1 >= 0.95, "{networks:?}");
    assert_eq!(benign, 0);
}

/// What an organisation's services look like is an operator's shape, unless it says whose they are.
#[test]
fn small_rings_on_a_few_addresses_are_found_and_services_of_a_known_organisation_are_left_alone() {
    for seed in [8, 9] {
        let mut world = World::benign(seed);
        for (name, size, shares) in [("wide", 200, (5, 40, 3)), ("middle", 50, (5, 5, 5)), ("narrow", 20, (3, 4, 4))] {
            let accounts = world.ring(name, size, shares);
            world.labels.extend(accounts.into_iter().map(|account| (account, name)));
        }
        for (name, size, shares) in [("service", 30, (2, 3, 6)), ("fleet", 60, (3, 5, 9))] {
            let accounts = world.ring(name, size, shares);
            world.groups.extend(accounts.iter().map(|account| (account.clone(), name)));
            world.organisations.extend(accounts.into_iter().map(|account| (account, name)));
        }
        let (networks, benign) = found(&world, &ALL);
        for name in ["wide", "middle", "narrow"] {
            assert_eq!(networks[name], (1.0, 1.0), "seed {seed}, {name}");
        }
        assert_eq!(benign, 0, "seed {seed}");
    }
}

/// Where nobody pays, devices stand in for cards.
#[test]
fn devices_tell_a_network_of_free_accounts() {
    const DEVICES: [usize; 5] = [0, 1, 2, 6, 4];
    let (networks, benign) = found(&with_operators(10), &DEVICES);
    assert_eq!(networks["large"], (1.0, 1.0));
    assert_eq!(benign, 0);
    assert_eq!(found(&World::benign(11), &DEVICES).1, 0);
}

/// A column of what everybody does alike, here five purposes at random, neither hides a network nor makes one.
#[test]
fn a_sign_up_farm_is_found_with_a_column_of_actions_as_without_it() {
    const DEVICES: [usize; 4] = [0, 1, 2, 6];
    for (seed, size) in [(12, 40), (13, 90)] {
        let mut world = World::benign(seed);
        world.farm("farm", size);
        for columns in [&DEVICES[..], &[0, 1, 2, 6, 5]] {
            let (networks, benign) = found(&world, columns);
            assert_eq!((networks["farm"], benign), ((1.0, 1.0), 0), "{size} accounts, {columns:?}");
        }
    }
}

/// Columns that follow from others say nothing new, and take nothing away.
#[test]
fn derived_columns_neither_hide_a_network_nor_make_one() {
    let derived =
        [("subnet", "ip", "subnet/24/56"), ("site", "ip", "subnet/16/32"), ("customer", "payment_instrument", "lowercase")]
            .map(|(kind, column, normaliser)| format!("[kinds.{kind}]\ncolumn = \"{column}\"\nnormaliser = \"{normaliser}\"\n"))
            .concat();
    for columns in [&ALL[..], &ALL[..4]] {
        let (networks, benign) = found_at(&Bench::new(), &with_operators(6), columns, &derived);
        let (precision, recall) = networks["large"];
        assert!(precision >= 0.98 && recall >= 0.98, "{columns:?}: {precision} {recall}");
        assert_eq!(benign, 0, "{columns:?}");
    }
    let bench = Bench::new();
    assert_eq!(found_at(&bench, &World::benign(7), &ALL, &derived).1, 0);
    let said = bench.run(&["detect", "store", "--no-progress"]).stderr;
    let follows: Vec<&str> = said.lines().filter_map(|line| Some(line.split_once(" follows from ")?.0)).collect();
    assert_eq!(follows, ["payment_instrument", "site", "subnet", "subnet"], "{said}");
}

/// Seventy columns in which a third of the accounts each have something of their own say nothing of anybody: the scores stay,
/// and core members are core by what they share, though its kinds come after the seventy.
#[test]
fn columns_that_nobody_shares_anything_in_change_nothing() {
    const KINDS: u64 = 70;
    let world = with_operators(12);
    let of_own = |account: &str, kind: u64| {
        let seed = account.bytes().fold(kind, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        if Random(seed).chance(33) { format!("{account}-{kind}") } else { String::new() }
    };
    let rows = world.csv(&ALL);
    let mut lines = rows.lines();
    let mut wider = lines.next().expect("a header").to_owned();
    (0..KINDS).for_each(|kind| wider += &format!(",aa{kind:02}"));
    for line in lines {
        let account = line.split(',').nth(1).expect("an account");
        wider += &format!("\n{line}");
        (0..KINDS).for_each(|kind| wider += &format!(",{}", of_own(account, kind)));
    }
    let map: String = (0..KINDS).map(|kind| format!("[kinds.aa{kind:02}]\ncolumn = \"aa{kind:02}\"\n")).collect();
    let summary = |rows: String, map: &str| {
        let bench = Bench::new();
        let found = found_in(&bench, &world, rows, map);
        let first = bench.ok(&["networks", "store", "--top", "1", "--format", "json"]).json()[0].clone();
        let score = first["score"].as_f64().expect("a score");
        (found, first["accounts"].clone(), first["core"].clone(), (score * 10.0).round())
    };
    let narrow = summary(rows.clone(), "");
    assert_eq!(narrow.0.0["large"], (1.0, 1.0));
    assert_eq!(summary(wider, &map), narrow);
}

#[test]
fn where_there_is_no_operator_nothing_is_found() {
    for columns in [&ALL[..], &ALL[..4], &ALL[1..]] {
        assert_eq!(found(&World::benign(4), columns).1, 0, "{columns:?}");
    }
}

#[test]
fn who_is_as_regular_as_a_machine_is_left_alone_and_a_queue_is_not() {
    for (seed, size) in [(5, 15), (6, 40), (7, 150)] {
        let mut world = World::benign(seed);
        world.regular(size);
        world.queue("queue", size);
        let (networks, benign) = found(&world, &[0, 1, 2, 3, 4, 5]);
        assert_eq!(networks["queue"], (1.0, 1.0), "{size} accounts");
        assert_eq!(benign, 0, "{size} accounts");
    }
}

#[test]
fn courses_at_school_and_at_home_and_runs_of_a_public_set_are_left_alone() {
    for (seed, size) in [(12, 40), (13, 90), (14, 150)] {
        let mut world = World::benign(seed);
        world.course("school", size, true);
        world.course("remote", size, false);
        world.runs(size);
        world.queue("queue", size);
        let (networks, benign) = found(&world, &[0, 1, 2, 3, 4, 5]);
        assert_eq!((networks["queue"], benign), ((1.0, 1.0), 0), "{size} accounts");
    }
}

#[test]
fn one_prompt_that_is_dealt_out_is_told_from_one_that_a_crowd_uses() {
    for (seed, size) in [(8, 30), (9, 60), (10, 120)] {
        let mut world = World::benign(seed);
        world.crowds(30);
        world.dealt("dealt", size);
        let (networks, benign) = found(&world, &[0, 1, 2, 3, 4, 5]);
        let (precision, recall) = networks["dealt"];
        assert!(precision == 1.0 && recall >= 0.95, "{size} accounts: {precision} {recall}");
        assert_eq!(benign, 0, "{size} accounts");
    }
}

/// No two share more than a card and the prompt, and no queue deals it out: the whole tells what its pieces don't.
#[test]
fn accounts_that_only_a_prompt_and_the_hours_hold_together_are_found_whole() {
    for (seed, size) in [(21, 28), (22, 60)] {
        let mut world = World::benign(seed);
        world.crowds(30);
        world.elsewhere("elsewhere", size);
        let (networks, benign) = found(&world, &ALL);
        assert_eq!((networks["elsewhere"], benign), ((1.0, 1.0), 0), "{size} accounts");
    }
}

#[test]
fn one_pool_of_three_tenants_is_one_network_and_three_campaigns() {
    let (bench, mut world) = (Bench::new(), World::benign(11));
    world.tenants("pool", 120);
    let (networks, benign) = found_at(&bench, &world, &[0, 1, 2, 3, 4, 5], "");
    assert_eq!((networks["pool"], benign), ((1.0, 1.0), 0));
    let layers = bench.ok(&["layers", "store", "--format", "json"]).json();
    assert_eq!(layers["pools"].as_array().map(Vec::len), Some(1));
    let campaigns = layers["campaigns"].as_array().expect("campaigns");
    assert_eq!(campaigns.len(), 3, "{campaigns:?}");
    for (tenant, (campaign, (percent, ..))) in (1..).zip(campaigns.iter().zip(TENANTS)) {
        let top = campaign["top_template"].as_str().expect("a template");
        assert!(top.starts_with(&format!("prompt_template_hash:pool-{tenant}-")), "{campaign}");
        assert_eq!(campaign["exchanges"], 120 * percent, "{campaign}");
    }
}

/// In logs that don't say what was asked, of an operator whose accounts have an address and a card each.
#[test]
fn a_pool_that_shares_nothing_is_found_by_the_queue_that_deals_to_it() {
    for seed in [1, 2] {
        let mut world = World::benign(seed);
        world.in_turn("pool", 120);
        let (networks, benign) = found(&world, &ALL[..4]);
        assert!(networks["pool"].0 >= 0.99 && networks["pool"].1 >= 0.9, "seed {seed}: {networks:?}");
        assert_eq!(benign, 0, "seed {seed}");
    }
}

/// Nothing but its exits ties an operator to a vendor's other customers; they don't pay as it does, nor come in its turns.
#[test]
fn a_vendors_customers_are_not_the_operators_who_rents_the_same_exits() {
    for seed in [6, 7] {
        let mut world = World::of_homes(seed, 1_000);
        world.at_one_vendor("tenant", 49, 250);
        let (networks, benign) = found(&world, &ALL[..4]);
        assert!(networks["tenant"].0 >= 0.95 && networks["tenant"].1 >= 0.95, "seed {seed}: {networks:?}");
        assert_eq!(benign, 0, "seed {seed}");
    }
}
