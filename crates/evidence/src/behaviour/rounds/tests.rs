use std::ops::Range;

use super::super::toy::Toy;
use super::*;

const BENIGN: u32 = 400;
const POOL: Range<u32> = BENIGN..BENIGN + 60;

/// Whom these tell in a world of 400 others, of which a hundred have a job every eight hours.
fn told(world: &Toy, members: &[u32]) -> Option<Told> {
    let (facts, config) = (world.facts(), BehaviourConfig::default());
    let returns = Returns::of(facts, i64::from(config.session_gap) * 1_000);
    told_by_rounds(facts, &returns, Asking::network(members, 0), |_| Asked::Both, 3.0, &config)
}

fn accounts(of: &[Served]) -> Vec<u32> {
    of.iter().map(|of| of.account).collect()
}

#[test]
fn a_third_of_a_queue_tells_the_rest_and_nobody_else() {
    for seed in 0..10 {
        let world = Toy::in_turn(BENIGN as usize, POOL.len(), 40, 8, seed);
        let members: Vec<u32> = POOL.step_by(3).collect();
        let told = told(&world, &members).expect("its own accounts are told");
        assert!(told.own.len() >= 18, "{seed}: {}", told.own.len());
        let others = accounts(&told.others);
        assert!(others.len() >= 30 && others.iter().all(|account| POOL.contains(account)), "{seed}: {others:?}");
        assert!(told.others.iter().all(|of| of.bits > 3.0 && of.bits <= MOST_BITS));
    }
}

#[test]
fn neither_people_nor_jobs_tell_anybody() {
    for seed in 0..10 {
        let world = Toy::in_turn(BENIGN as usize, POOL.len(), 40, 8, seed);
        let people: Vec<u32> = (0..BENIGN).filter(|account| account % 4 != 0).step_by(10).collect();
        let jobs: Vec<u32> = (0..BENIGN).step_by(4).step_by(3).collect();
        assert_eq!((told(&world, &people), told(&world, &jobs)), (None, None), "{seed}");
    }
}

#[test]
fn jobs_about_as_often_as_the_queue_goes_round_are_not_told_by_it() {
    // Forty rounds in fourteen days: one every 8.4 hours.
    for period in [7, 8, 9] {
        let world = Toy::in_turn(BENIGN as usize, POOL.len(), 40, period, 1);
        let told = told(&world, &POOL.step_by(2).collect::<Vec<u32>>()).expect("its own accounts are told");
        assert!(accounts(&told.others).iter().all(|account| POOL.contains(account)), "{period}");
    }
}

#[test]
fn an_account_of_a_queue_comes_back_after_one_round_as_the_others_do() {
    let world = Toy::in_turn(BENIGN as usize, POOL.len(), 40, 8, 1);
    let config = BehaviourConfig::default();
    let of = |members: &[u32], account: u32| in_rounds(world.facts(), members, account, &config);
    let pool: Vec<u32> = POOL.collect();
    let found = of(&pool, POOL.start).expect("it comes back");
    assert!(found.returns >= 30 && found.rounds.iter().all(|rounds| (0.8..1.2).contains(rounds)), "{found:?}");
    assert!(found.of_network.iter().all(|rounds| (0.8..1.2).contains(rounds)), "{found:?}");
    // Somebody else comes back after any number of rounds, and people make none.
    let other = of(&pool, 1).expect("it comes back");
    assert!(other.rounds[2] > 3.0 * other.rounds[0], "{other:?}");
    assert_eq!(of(&(0..60).collect::<Vec<u32>>(), 1), None);
}

#[test]
fn known_good_accounts_and_few_returns_say_nothing() {
    let world = Toy::in_turn(40, 12, 2, 8, 1);
    assert_eq!(told(&world, &(40..52).collect::<Vec<u32>>()), None);
    assert_eq!(told(&world, &[]), None);
}

/// When the people of a world without a queue are active, by account.
fn people(seed: u64) -> Vec<Vec<i64>> {
    times_of(&Toy::in_turn(BENIGN as usize, 1, 40, 8, seed))[..BENIGN as usize].to_vec()
}

fn times_of(world: &Toy) -> Vec<Vec<i64>> {
    let facts = world.facts();
    (0..facts.graph.account_count() as u32).map(|account| facts.activity.of(AccountId(account)).time.to_vec()).collect()
}

#[test]
fn accounts_that_start_when_a_feed_says_so_are_no_queue() {
    for seed in 0..5 {
        let (mut times, mut stream) = (people(seed), Stream::new(seed));
        // What somebody does now and then, within two minutes.
        let moments = times.iter().find(|times| times.len() > 30).expect("people").clone();
        for _ in 0..60 {
            let mut read: Vec<i64> = moments.iter().map(|at| at + stream.below(120_000) as i64).collect();
            read.sort_unstable();
            times.push(read);
        }
        let (world, readers) = (Toy::at(&times), (BENIGN..BENIGN + 60).collect::<Vec<u32>>());
        assert_eq!((told(&world, &readers), told(&world, &readers[..20])), (None, None), "{seed}");
    }
}

#[test]
fn whoever_starts_his_accounts_after_somebody_elses_does_not_make_its_returns_turns() {
    for seed in 0..5 {
        let mut times = people(seed);
        let victim = times.iter().find(|times| times.len() > 30).expect("people").clone();
        times.extend((1..=24).map(|after| victim.iter().map(|at| at + after * 60_000).collect::<Vec<i64>>()));
        let told = told(&Toy::at(&times), &(BENIGN..BENIGN + 24).collect::<Vec<u32>>());
        assert!(told.is_none_or(|told| told.others.is_empty()), "{seed}");
    }
}

#[test]
fn what_an_account_did_before_the_queue_had_it_says_nothing() {
    let world = Toy::in_turn(BENIGN as usize, POOL.len(), 40, 8, 1);
    let (mut times, mut stream) = (times_of(&world), Stream::new(5));
    let members: Vec<u32> = POOL.step_by(3).collect();
    for (_, times) in (0..).zip(&mut times).filter(|(account, _)| POOL.contains(account) && !members.contains(account)) {
        // Two hundred days of a person before.
        let first = times[0].div_euclid(DAY);
        times.extend((1..=200).map(|day| (first - day) * DAY + stream.below(DAY as usize / 2) as i64));
        times.sort_unstable();
    }
    let told = told(&Toy::at(&times), &members).expect("a queue");
    assert!(told.others.iter().filter(|of| POOL.contains(&of.account)).count() >= 30, "{}", told.others.len());
}

#[test]
fn a_bin_is_a_quarter_of_a_doubling() {
    for step in -900..900 {
        let rounds = (f64::from(step) / 200.0 + 1e-9).exp2();
        assert_eq!(bin_of(rounds), (4.0 * rounds.log2() + 13.0).clamp(0.0, BINS as f64 - 1.0) as usize, "{rounds}");
    }
}

#[test]
fn of_e_values_as_many_are_discoveries_as_their_number_allows() {
    // Of four the k largest must be at least 4 / (k / 50): 200, 100, 66.7, 50.
    assert_eq!(least_discovered(vec![60.0, 400.0, 1.0, 120.0], 0), 120.0);
    assert_eq!(least_discovered(vec![70.0, 90.0, 1.0, 80.0], 0), 70.0);
    assert_eq!(least_discovered(vec![199.0, 99.0, 1.0, 1.0], 0), f64::INFINITY);
    assert_eq!(least_discovered(Vec::new(), 0), f64::INFINITY);
    // With four before, the two largest of four must be at least 8 / (6 / 50).
    assert_eq!(least_discovered(vec![199.0, 99.0, 1.0, 1.0], 4), 99.0);
    assert_eq!(least_discovered(Vec::new(), 4), f64::INFINITY);
}

#[test]
fn e_values_of_those_who_know_nothing_of_a_queue_are_at_most_one_in_the_mean() {
    // Whoever has enough bits or not: the e-value of shifts alone, of people and of jobs.
    let world = Toy::in_turn(BENIGN as usize, POOL.len(), 40, 8, 3);
    let (facts, config) = (world.facts(), BehaviourConfig::default());
    let returns = Returns::of(facts, i64::from(config.session_gap) * 1_000);
    let members: Vec<u32> = POOL.collect();
    let rounds = Rounds::of(facts, &returns, &members, &config).expect("they come back");
    let others: Vec<AccountId> = (0..BENIGN).map(AccountId).collect();
    let ratios = ratios(&shape(&rounds.histograms(&ids(&members))), &shape(&rounds.histograms(&others)));
    let e_values: Vec<f64> = (0..BENIGN).map(|account| rounds.left(account, &ratios, config.seed)).collect();
    let mean = e_values.iter().sum::<f64>() / f64::from(BENIGN);
    let large = e_values.iter().filter(|&&e| e >= 20.0).count();
    assert!(mean < 1.5 && large <= 20, "mean {mean}, {large} of 20 and more");
}

#[test]
fn one_thread_and_many_agree() {
    let world = Toy::in_turn(BENIGN as usize, POOL.len(), 40, 8, 2);
    let members: Vec<u32> = POOL.step_by(2).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| told(&world, &members))
    };
    assert_eq!(run(1), run(4));
}
