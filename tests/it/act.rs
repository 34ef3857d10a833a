//! What people do with what was found: decisions and what follows from them, ban plans, indicators, the store as of an earlier
//! time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::privacy::{KEY, first_event, key_file};
use crate::support::{Bench, detected};

pub(crate) const ANN: &[&str] = &["--reviewer", "ann", "--reason", "shared_cards"];
const BOB: &[&str] = &["--reviewer", "bob", "--reason", "shared_cards"];

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is text")).to_owned()
}

/// All candidate networks, by rank.
pub(crate) fn networks(bench: &Bench, store: &str) -> Vec<Value> {
    bench.run(&["networks", store, "--all", "--format", "jsonl"]).records()
}

/// Detects again; without the one strong network of the small world nothing may be found.
pub(crate) fn detect_again(bench: &Bench, store: &str) {
    let ran = bench.run(&["detect", store, "--quiet"]);
    assert!(ran.code <= 1, "{}", ran.stderr);
}

/// The core and fringe accounts of a network.
pub(crate) fn belonging(bench: &Bench, store: &str, id: &str) -> BTreeSet<String> {
    let rows = bench.ok(&["members", store, "--network", id, "--format", "jsonl"]).records();
    rows.iter().filter(|row| row["membership"] != "ambiguous").map(|row| text(&row["account_id"])).collect()
}

pub(crate) fn run_with<'a>(bench: &Bench, head: &[&'a str], tail: &[&'a str]) -> crate::support::Ran {
    bench.ok(&[head, tail].concat())
}

#[test]
fn a_rejected_network_is_not_found_again_and_a_confirmed_one_keeps_its_label() {
    let bench = Bench::new();
    let store = detected(&bench);
    let before = networks(&bench, &store);
    let (good, bad) = (text(&before[3]["id"]), text(&before[0]["id"]));
    let harmless = belonging(&bench, &store, &good);
    let operator = belonging(&bench, &store, &bad);

    run_with(&bench, &["case", "reject", &store, &good, "a hackathon at the university"], ANN);
    let confirmed = run_with(&bench, &["case", "confirm", &store, &bad], ANN);
    assert!(confirmed.stdout.starts_with(&format!("{bad}: confirmed")), "{}", confirmed.stdout);
    let state = |id: &str| networks(&bench, &store).iter().find(|network| network["id"] == *id).map(|n| text(&n["state"]));
    assert_eq!(state(&good).as_deref(), Some("rejected"), "before the next detection it is shown as decided");

    // Detection runs it twice: decisions outlast both.
    for _ in 0..2 {
        detect_again(&bench, &store);
        assert_eq!(state(&bad).as_deref(), Some("confirmed"));
        let rows = bench.ok(&["members", &store, "--format", "jsonl"]).records();
        for row in &rows {
            let account = text(&row["account_id"]);
            if harmless.contains(&account) {
                assert!(row["candidate"].is_null(), "a known-good account is a member of nothing: {row}");
                assert_eq!(row["label"], "rejected");
            }
            if operator.contains(&account) {
                assert_eq!(row["label"], "confirmed");
            }
        }
    }
    let after = networks(&bench, &store);
    let network = after.iter().find(|network| network["id"] == *bad).expect("the confirmed network");
    assert!(network["confirmed"].as_u64().expect("a number") * 2 > operator.len() as u64, "{network}");

    // Taking the verdict back brings the network back.
    bench.ok(&["case", "state", &store, &good, "triage", "--reviewer", "ann"]);
    detect_again(&bench, &store);
    let again: BTreeSet<String> =
        networks(&bench, &store).iter().flat_map(|network| belonging(&bench, &store, &text(&network["id"]))).collect();
    assert!(harmless.iter().filter(|account| again.contains(*account)).count() * 2 > harmless.len());
}

#[test]
fn a_rejected_account_leaves_its_network_and_a_rejected_identifier_links_nobody() {
    let bench = Bench::new();
    let store = detected(&bench);
    let network = networks(&bench, &store)[0].clone();
    let id = text(&network["id"]);
    let member = belonging(&bench, &store, &id).into_iter().next().expect("a member");
    let identifier = text(&network["tied_by"][0]["identifier"]);
    run_with(&bench, &["case", "reject", &store, &format!("account:{member}")], ANN);
    run_with(&bench, &["case", "reject", &store, &identifier], ANN);
    detect_again(&bench, &store);
    let card = bench.ok(&["show", &store, &format!("account:{member}"), "--format", "json"]).json();
    assert!(card["network"].is_null() && card["candidate"].is_null(), "{card}");
    let card = bench.ok(&["show", &store, &identifier, "--format", "json"]).json();
    assert_eq!(card["class"], "allowed", "{card}");
    let cases = bench.ok(&["case", "list", &store, "--format", "jsonl"]).records();
    assert!(cases.iter().all(|case| case["network"].is_null()), "{cases:?}");
    assert_eq!(cases.len(), 2);
    assert!(cases.iter().all(|case| case["state"] == "rejected"));
}

/// What people confirmed is a network, whatever it scores.
#[test]
fn a_confirmed_candidate_is_a_network_from_the_next_detection_on() {
    let bench = Bench::new();
    let store = detected(&bench);
    let all = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records();
    // A program is given all of them, a person the first.
    let table = bench.ok(&["networks", &store, "--all"]);
    assert!(table.stderr.contains(&format!("showing 20 of {}", all.len())), "{}", table.stderr);
    let below =
        all.iter().find(|network| network["flagged"] == false && network["accounts"].as_u64() > Some(1)).expect("a candidate");
    let (id, accounts) = (text(&below["id"]), below["accounts"].as_u64().expect("a number"));
    let flagged = || bench.run(&["networks", &store, "--format", "jsonl"]).records();
    let is_found = || flagged().iter().any(|network| network["id"] == *id);
    assert!(!is_found());
    run_with(&bench, &["case", "confirm", &store, &id], ANN);
    bench.ok(&["detect", &store]);
    assert!(is_found());
    let case = bench.ok(&["case", "list", &store, "--format", "jsonl"]).records().remove(0);
    assert_eq!((&case["case"], &case["network"]), (&id.as_str().into(), &id.as_str().into()), "{case}");
    let dossier = bench.ok(&["network", &store, &id, "--format", "json"]).json();
    assert!(text(&dossier["verdict"]).starts_with("confirmed by people, ") && dossier["score"] == below["score"], "{dossier}");
    bench.ok(&["export", &store, "-o", "nodes.csv", "--quiet"]);
    let exported = fs::read_to_string(bench.path("nodes.csv")).expect("nodes");
    let is_member = |line: &&str| line.starts_with("account:") && line.contains(&id) && !line.contains(",ambiguous,");
    assert_eq!(exported.lines().filter(is_member).count() as u64, accounts);
    bench.ok(&["verify", &store]);
    run_with(&bench, &["case", "reject", &store, &id], BOB);
    bench.ok(&["detect", &store]);
    assert!(!is_found());
}

#[test]
fn confirming_many_accounts_takes_two_people() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    bench.ok(&["case", "four-eyes", &store, "2", "--reviewer", "ann"]);
    let first = run_with(&bench, &["case", "confirm", &store, &id], ANN);
    assert!(first.stdout.contains("triage") && first.stdout.contains("second reviewer"), "{}", first.stdout);
    assert_eq!(networks(&bench, &store)[0]["state"], "triage");
    run_with(&bench, &["case", "confirm", &store, &id], ANN);
    assert_eq!(networks(&bench, &store)[0]["state"], "triage", "the same person twice is one person");
    run_with(&bench, &["case", "confirm", &store, &id], BOB);
    assert_eq!(networks(&bench, &store)[0]["state"], "confirmed");
    // One person can't lift the rule.
    let raised = bench.ok(&["case", "four-eyes", &store, "1000", "--reviewer", "ann"]);
    assert!(raised.stdout.contains("confirm up to 2 accounts"), "{}", raised.stdout);
    let raised = bench.ok(&["case", "four-eyes", &store, "1000", "--reviewer", "bob"]);
    assert!(raised.stdout.contains("confirm up to 1,000 accounts"), "{}", raised.stdout);
}

#[test]
fn a_broken_case_log_is_named_and_stops_detection() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    for note in ["one", "two", "three"] {
        bench.ok(&["case", "note", &store, &id, note, "--reviewer", "ann"]);
    }
    let check = bench.ok(&["case", "verify", &store, "--format", "json"]).json();
    assert_eq!(check["records"], 3);
    let head = text(&check["head"]);
    let log = Path::new(&store).join("CASES.jsonl");
    let good = fs::read_to_string(&log).expect("the log is read");
    let lines: Vec<&str> = good.lines().collect();

    fs::write(&log, good.replacen("\"reviewer\":\"ann\"", "\"reviewer\":\"eve\"", 2)).expect("written");
    for command in [&["case", "verify", &store][..], &["verify", &store], &["detect", &store], &["case", "list", &store]] {
        bench.fails(65, &["case log is broken at record 1", "changed after"], command);
    }
    fs::write(&log, format!("{}\n{}\n", lines[0], lines[2])).expect("written");
    bench.fails(65, &["broken at record 2", "follow"], &["verify", &store]);
    // Cut off at its end the chain holds; the head noted earlier shows it.
    fs::write(&log, format!("{}\n{}\n", lines[0], lines[1])).expect("written");
    bench.ok(&["verify", &store]);
    bench.fails(2, &["cut off"], &["case", "verify", &store, "--head", &head]);

    // A crash in the midst of a line: reported, not fatal, set aside by the next decision.
    fs::write(&log, &good[..good.len() - 30]).expect("written");
    assert!(bench.ok(&["case", "verify", &store]).stdout.contains("unfinished last line"));
    assert_eq!(bench.ok(&["case", "log", &store, "--format", "jsonl"]).records().len(), 2);
    bench.ok(&["case", "note", &store, &id, "four", "--reviewer", "ann"]);
    let entries = bench.ok(&["case", "log", &store, &id, "--format", "jsonl"]).records();
    let texts: Vec<String> = entries.iter().map(|entry| text(&entry["text"])).collect();
    assert_eq!(texts, ["one", "two", "four"]);
    assert!(Path::new(&store).join("CASES.torn-3").exists());
}

#[test]
fn decisions_that_make_no_sense_are_refused() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    bench.fails(2, &["--reason"], &["case", "confirm", &store, &id, "--reviewer", "ann"]);
    bench.fails(2, &["--reviewer"], &["case", "confirm", &store, &id, "--reason", "x"]);
    bench.fails(3, &["did you mean"], &[&["case", "confirm", &store, &id[..id.len() - 1]], ANN].concat());
    bench.fails(3, &["not found"], &[&["case", "reject", &store, "account:nobody"], ANN].concat());
    bench.fails(2, &["card number"], &[&["case", "note", &store, &id, "4111 1111 1111 1111"], ANN].concat());
    bench.fails(2, &["text"], &["case", "note", &store, &id, "--reviewer", "ann"]);
    assert!(!Path::new(&store).join("CASES.names.jsonl").exists(), "nothing was written");
    assert_eq!(bench.run(&["case", "list", &store]).code, 1, "no case: nothing found");
}

#[test]
fn a_plan_compares_bans_with_actions_on_identifiers() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    let plan = |more: &[&str]| run_with(&bench, &["plan-bans", &store, &id, "--format", "json"], more).json();
    let ample = plan(&["--benign-budget", "1000", "--identifier-actions", "--as-if-unbanned"]);
    assert_eq!(ample["exchanges_stopped"], ample["exchanges"], "an ample budget stops everything: {ample}");
    // Tokens are those of its accounts, wherever they are told.
    let shown = |account: &String| bench.ok(&["show", &store, account, "--format", "json"]).json()["tokens"].as_u64();
    let tokens: Option<u64> = belonging(&bench, &store, &id).iter().map(shown).sum();
    let dossier = bench.ok(&["network", &store, &id, "--format", "json"]).json();
    assert!(tokens > Some(0), "{ample}");
    for told in [&ample["tokens"], &ample["tokens_stopped"], &dossier["tokens"]] {
        assert_eq!(told.as_u64(), tokens, "{ample}");
    }
    let said = bench.ok(&["network", &store, &id]).words();
    // In groups of three digits, as everywhere.
    assert!(said.replace(',', "").contains(&format!(" with {} tokens ", dossier["tokens"])), "{said}");
    assert!(said.contains(",") && tokens > Some(9_999) && !said.contains(&format!(" {} tokens", dossier["tokens"])), "{said}");
    let alternatives = ample["alternatives"].as_array().expect("alternatives");
    let names: Vec<String> = alternatives.iter().map(|other| text(&other["actions_allowed"])).collect();
    assert_eq!(names, ["bans", "identifiers", "both"]);
    assert_eq!(alternatives[1]["members_left"].as_u64(), Some(belonging(&bench, &store, &id).len() as u64), "nobody is banned");
    assert_eq!(alternatives[0]["members_left"], 0);
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is a number"));
    for (budget, least) in [("0", 0.0), ("0.5", 0.0), ("3", 0.0)] {
        let plan = plan(&["--benign-budget", budget, "--identifier-actions"]);
        let (expected, chance) = (number(&plan["benign_expected"]), number(&plan["chance"]));
        let (if_network, if_none) = (number(&plan["benign_if_network"]), number(&plan["benign_if_none"]));
        assert!((expected - chance * if_network - (1.0 - chance) * if_none).abs() < 1e-9, "{plan}");
        assert!(if_network <= budget.parse::<f64>().expect("a number") + 1e-9, "{plan}");
        let (low, high) = (number(&plan["benign_interval_if_network"][0]), number(&plan["benign_interval_if_network"][1]));
        assert!(least <= low && low <= if_network && if_network <= high + 1.0, "{plan}");
        for column in ["benign_by_country", "benign_by_tier"] {
            let groups = plan[column].as_object().expect("groups");
            let hit: f64 = groups.values().map(|group| number(&group["benign_expected"])).sum();
            assert!((hit - expected).abs() < 1e-6, "every account has a country and a tier: {plan}");
        }
    }
    // Who is banned already is said to be.
    let banned = |action: &&Value| action["already_banned"] == true;
    let is_banned = |action: &Value| {
        let shown = bench.ok(&["show", &store, &text(&action["target"]), "--format", "json"]).json();
        shown["facts"]["status"] == "banned"
    };
    let actions = |plan: &Value| plan["actions"].as_array().expect("actions").clone();
    let in_time = plan(&["--benign-budget", "1000", "--as-if-unbanned"]);
    actions(&in_time).iter().for_each(|action| assert_eq!(banned(&action), is_banned(action), "{action}"));
    let gone = actions(&in_time).iter().filter(banned).count();
    assert!(gone > 0 && in_time["already_banned"] == 0 && in_time["exchanges"] == dossier["events"], "{in_time}");
    // And left out: they stop nothing, are not hit and aren't what is left.
    let live = plan(&["--benign-budget", "1000"]);
    assert!(actions(&live).iter().all(|action| !is_banned(action)), "{live}");
    assert_eq!((actions(&live).len() + gone, &live["already_banned"]), (actions(&in_time).len(), &gone.into()));
    let exchanges = |name: &str| live[name].as_u64().expect("a number");
    assert_eq!(exchanges("exchanges") + exchanges("exchanges_of_banned"), in_time["exchanges"], "{live}");
    assert_eq!(live["benign_if_none"].as_u64(), Some(actions(&live).len() as u64), "bans alone hit those that they ban");
    assert_eq!(live["alternatives"][1]["members_left"].as_u64(), Some(actions(&live).len() as u64));
    let said = bench.ok(&["plan-bans", &store, &id]).words();
    assert!(
        said.contains(&format!("{gone} of its accounts, with ")) && said.contains(" banned already and left out"),
        "{said}"
    );
    // As CSV it is a list with an action a line, for whoever carries it out, and for `impact`.
    let list = run_with(&bench, &["plan-bans", &store, &id, "--format", "csv"], &["--benign-budget", "1000"]).stdout;
    let mut reader = csv::Reader::from_reader(list.as_bytes());
    assert!(reader.headers().expect("a header").iter().take(3).eq(["action", "kind", "value"]), "{list}");
    let listed: Vec<String> =
        reader.records().map(|row| row.expect("a row")).map(|row| format!("{}:{}", &row[1], &row[2])).collect();
    let planned: Vec<String> = actions(&live).iter().map(|action| text(&action["target"])).collect();
    assert_eq!(listed, planned);
    let judged = bench.ok(&["impact", &store, &bench.file("bans.csv", &list), "--format", "json"]).json();
    assert_eq!(judged["accounts_banned"].as_u64(), Some(planned.len() as u64), "{judged}");
    assert!(plan(&[])["reviewed"].is_null());
    // Intervals are of whole accounts, and what is expected is at most half an account outside.
    let ample = plan(&["--benign-budget", "1000"]);
    let in_interval = |of: &Value| {
        let (low, high) = (number(&of["benign_interval"][0]), number(&of["benign_interval"][1]));
        let expected = number(&of["benign_expected"]);
        assert!(low - 0.5 < expected && expected < high + 0.5, "{of}");
    };
    in_interval(&ample);
    ["benign_by_country", "benign_by_tier", "benign_by_pathway"]
        .iter()
        .for_each(|column| ample[column].as_object().expect("groups").values().for_each(in_interval));
    let said = bench.ok(&["plan-bans", &store, &id, "--benign-budget", "1000"]).words();
    assert!(said.contains(" on average (") && said.contains(" at 95%, in whole accounts), with "), "{said}");
    assert!(!said.contains("0 to 0"), "none is said once: {said}");
    // The chance is that of a review. Of a network that is confirmed nothing is in doubt but who belongs.
    let morning = bench.ok(&["networks", &store, "--review-hours", "1000", "--format", "jsonl"]).records();
    let reviewed = morning.iter().find(|network| network["id"] == id.as_str()).expect("it waits for a review");
    assert_eq!(plan(&[])["chance"], reviewed["chance"]);
    run_with(&bench, &["case", "confirm", &store, &id], ANN);
    let confirmed = plan(&["--benign-budget", "1000"]);
    assert_eq!(
        (&confirmed["chance"], &confirmed["benign_expected"]),
        (&serde_json::json!(1.0), &confirmed["benign_if_network"])
    );
    // About this one everything is decided; of others the verdicts say something, a case one.
    assert!(confirmed["reviewed"].is_null(), "{confirmed}");
    let all = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records();
    let is_other = |network: &&Value| network["id"] != id.as_str() && number(&network["accounts"]) > 2.0;
    let other = text(&all.iter().find(is_other).expect("another candidate")["id"]);
    // A budget is kept if it is a network: where it may be none, that comes first.
    let unflagged = all.iter().find(|network| network["flagged"] == false && number(&network["accounts"]) > 2.0);
    let doubtful = text(&unflagged.expect("a candidate below the threshold")["id"]);
    let asked = ["plan-bans", &store, &doubtful, "--allow-unflagged", "--as-if-unbanned", "--benign-budget", "1"];
    let plan = bench.ok(&[&asked[..], &["--format", "json"]].concat()).json();
    assert!(
        plan["flagged"] == false && plan["over_budget_on_average"] == true && number(&plan["benign_expected"]) > 1.0,
        "{plan}"
    );
    let said = bench.ok(&asked).words();
    assert!(
        said.starts_with(&format!(
            "{doubtful} is not flagged, a candidate below the threshold; over the budget of 1 if it is no network"
        )),
        "{said}"
    );
    assert!(ample["flagged"] == true, "{ample}");
    let asked = ["plan-bans", &store, &other, "--allow-unflagged", "--benign-budget", "1000"];
    let reviewed = bench.ok(&[&asked[..], &["--format", "json"]].concat()).json()["reviewed"].clone();
    assert_eq!((&reviewed["cases"], &reviewed["harmless_cases"], &reviewed["harmless"]), (&1.into(), &0.into(), &0.into()));
    assert!(number(&reviewed["decided"]) > 1.0, "{reviewed}");
    assert!(number(&reviewed["harmless_share_interval"][1]) > 0.9, "one case proves little: {reviewed}");
    let said = bench.ok(&asked).words();
    assert!(
        said.contains("of 1 case that people decided (") && said.contains(" accounts) 0 were harmless (0 accounts)"),
        "{said}"
    );
    let near = bench.fails(3, &["not found"], &["plan-bans", &store, "PN-00000000"]);
    assert!(!near.stderr.contains("did you mean"), "another network is no near id: {}", near.stderr);
}

#[test]
fn what_is_named_of_a_network_says_how_much_more_there_is() {
    let bench = Bench::new();
    let store = detected(&bench);
    let network = networks(&bench, &store)[0].clone();
    let id = text(&network["id"]);
    let all: u64 = network["identifiers_by_kind"].as_object().expect("kinds").values().filter_map(Value::as_u64).sum();
    let named: Vec<String> = network["tied_by"].as_array().expect("ties").iter().map(|tie| text(&tie["identifier"])).collect();
    assert!(named.len() == 25 && all > 25, "{network}");
    assert_eq!(network["tied_by_left_out"].as_u64(), Some(all - 25));
    let said = bench.ok(&["network", &store, &id]).words();
    assert!(said.contains(&format!("{} more tie it", all - 25)), "{said}");
    // Tables have room for all.
    bench.ok(&["export", &store, "-o", "out.csv", "--network", &id]);
    let mut table = csv::Reader::from_path(bench.path("out.evidence.csv")).expect("the table");
    let rows: Vec<BTreeMap<String, String>> = table.deserialize().collect::<Result<_, _>>().expect("rows");
    let ties: Vec<_> = rows.iter().filter(|row| row["item"] == "identifier").collect();
    assert_eq!(ties.len() as u64, all);
    assert!(named.iter().zip(&ties).all(|(named, tie)| *named == tie["name"]), "the strongest come first");
    let members = |tie: &&BTreeMap<String, String>| tie["members"].parse::<u64>().expect("a number");
    assert!(ties.windows(2).all(|pair| members(&pair[0]) >= members(&pair[1])));
}

/// Where the network may be none, all whom a plan hits may be harmless, whatever its budget, and both commands say so.
#[test]
fn what_a_plan_hits_if_the_network_is_none_is_told() {
    let bench = Bench::new();
    let store = detected(&bench);
    // The weakest candidate is hardly one.
    let weakest = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records().pop().expect("a candidate");
    let id = text(&weakest["id"]);
    let asked = ["plan-bans", &store, &id, "--allow-unflagged", "--benign-budget", "1000"];
    let plan = bench.ok(&[&asked[..], &["--format", "json"]].concat()).json();
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is a number"));
    let (hit, chance) = (number(&plan["benign_if_none"]), number(&plan["chance"]));
    assert!(hit >= 1.0 && chance < 0.5 && number(&plan["benign_if_network"]) < hit, "{plan}");
    assert!(number(&plan["benign_expected"]) >= (1.0 - chance) * hit - 1e-9 && plan["benign_interval"][1] == hit, "{plan}");
    let said = bench.ok(&asked).words();
    assert!(
        said.contains("what the budget of 1000 limits; if it is harmless") && said.contains(&format!("all {hit} that")),
        "{said}"
    );

    // Of a flagged one as well; rejected, it is none.
    let id = text(&networks(&bench, &store)[0]["id"]);
    let members = belonging(&bench, &store, &id);
    let list = bench.file("bans.txt", members.iter().cloned().collect::<Vec<String>>().join("\n"));
    let impact = || bench.ok(&["impact", &store, &list, "--as-if-unbanned", "--format", "json"]).json();
    let before = impact();
    let chance = number(&before["networks"][0]["chance"]);
    assert!(0.5 < chance && chance < 1.0 && before["networks"][0]["benign_if_none"] == members.len(), "{before}");
    // Of those who are banned already there is nothing left to stop, and nobody to hit.
    let now = bench.ok(&["impact", &store, &list, "--format", "json"]).json();
    let gone = now["already_banned"].as_u64().expect("a number");
    assert!(gone > 0 && now["networks"][0]["already_banned"] == gone, "{now}");
    assert_eq!(now["networks"][0]["benign_if_none"].as_u64(), Some(members.len() as u64 - gone), "{now}");
    assert!(number(&before["benign_expected"]) > number(&before["benign_if_network"]), "{before}");
    let said = bench.ok(&["impact", &store, &list]).words();
    assert!(said.contains("if the networks below are ones") && said.contains("if it is harmless"), "{said}");
    run_with(&bench, &["case", "reject", &store, &id], ANN);
    let after = impact();
    assert_eq!(
        (&after["networks"][0]["chance"], &after["benign_expected"]),
        (&serde_json::json!(0.0), &serde_json::json!(members.len() as f64))
    );
}

#[test]
fn verdicts_and_chances_are_the_same_in_whatever_leaves() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    let chance = || bench.ok(&["plan-bans", &store, &id, "--format", "json"]).json()["chance"].as_f64().expect("a chance");
    let confidence = || {
        bench.ok(&["export", &store, "-o", "one.stix.json", "--network", &id]);
        let bundle: Value =
            serde_json::from_str(&fs::read_to_string(bench.path("one.stix.json")).expect("read")).expect("JSON");
        let network = bundle["objects"].as_array().expect("objects").iter().find(|one| one["type"] == "infrastructure");
        network.expect("the network")["confidence"].as_f64().expect("a confidence")
    };
    assert!(chance() < 1.0);
    assert_eq!(confidence(), (100.0 * chance()).round());
    // Few null copies say nothing of chances, here as there.
    let before = chance();
    bench.ok(&["calibrate", &store, "--copies", "1", "--quiet"]);
    assert_eq!((chance(), confidence()), (before, (100.0 * before).round()));
    for reviewer in [ANN, BOB] {
        run_with(&bench, &["case", "confirm", &store, &id], reviewer);
    }
    assert_eq!((chance(), confidence()), (1.0, 100.0));

    // Rejected, it is in nothing that nobody named it for, without another detection.
    let actions = || bench.run(&["export", &store, "-o", "actions.jsonl", "--all"]);
    let of_it = || fs::read_to_string(bench.path("actions.jsonl")).expect("actions").matches(&id).count();
    actions();
    assert!(of_it() > 0);
    run_with(&bench, &["case", "reject", &store, &id], ANN);
    assert!(actions().stderr.contains("people rejected it: 1 network"));
    assert_eq!(of_it(), 0);
    let key = key_file(&bench, "group", KEY);
    let shared = bench.run(&["share", &store, "-o", "indicators", "--group-key", &key, "--network", &id, "--format", "json"]);
    assert_eq!((&shared.json()["indicators"], &shared.json()["rejected"]), (&0.into(), &1.into()));
    let report = bench.run(&["report", &store, "-o", "report.html"]);
    assert!(report.stderr.contains("people rejected it: 1 network"), "{}", report.stderr);
    let named = bench.ok(&["export", &store, "-o", "named.jsonl", "--network", &id]);
    assert!(named.stderr.contains("no action is proposed"), "{}", named.stderr);
    let proposed = fs::read_to_string(bench.path("named.jsonl")).expect("actions");
    assert!(proposed.lines().all(|line| line.contains("\"monitor\"")), "{proposed}");
    assert_eq!(confidence(), 0.0);

    // Once it isn't found any more, it is told what became of it.
    detect_again(&bench, &store);
    for asked in [&["network", &store, &id][..], &["plan-bans", &store, &id], &["members", &store, "--network", &id]] {
        let told = bench.fails(3, &["its case was rejected by ann"], asked);
        assert!(!told.stderr.contains("did you mean"), "{}", told.stderr);
    }
    assert!(bench.ok(&["lineage", &store, &id]).stdout.contains("case: rejected by ann"));
}

#[test]
fn a_plan_carried_out_has_the_impact_that_it_promised() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    let plan = bench.ok(&["plan-bans", &store, &id, "--benign-budget", "3", "--identifier-actions", "--format", "json"]).json();
    let targets: Vec<String> =
        plan["actions"].as_array().expect("actions").iter().map(|action| text(&action["target"])).collect();
    let list = bench.file("list.txt", targets.join("\n"));
    let impact = bench.ok(&["impact", &store, &list, "--format", "json"]).json();
    let of_it = impact["networks"].as_array().expect("networks").iter().find(|network| network["network"] == id.as_str());
    let of_it = of_it.expect("the network");
    let of_both = ["exchanges", "exchanges_stopped", "tokens", "tokens_stopped", "members_left", "members_still_linked"];
    for field in of_both.into_iter().chain(["largest_group_left", "replacement"]) {
        assert!(of_it[field] == plan[field] && plan.get(field).is_some(), "{field}");
    }
    let said = bench.ok(&["impact", &store, &list]).words();
    assert!(
        said.contains(" tokens benign accounts hit") && said.contains("tokens of theirs") && said.contains("tokens stopped"),
        "{said}"
    );

    // The plan itself is such a list, and so are the actions of an export.
    let printed = bench.ok(&["plan-bans", &store, &id, "--benign-budget", "3", "--identifier-actions", "--format", "jsonl"]);
    let of_plan = bench.ok(&["impact", &store, &bench.file("plan.jsonl", &printed.stdout), "--format", "json"]).json();
    assert_eq!(of_plan, impact);
    bench.ok(&["export", &store, "-o", "actions.jsonl", "--network", &id]);
    let actions = std::fs::read_to_string(bench.path("actions.jsonl")).expect("the actions");
    let of_export = bench.ok(&["impact", &store, "actions.jsonl", "--format", "json"]).json();
    let named = of_export["accounts_banned"].as_u64().unwrap() + of_export["identifiers_acted_on"].as_u64().unwrap();
    let acted = actions.lines().filter(|line| !line.contains("\"review\"") && !line.contains("\"monitor\""));
    assert_eq!(named as usize, acted.count());
    let unknown = bench.file("unknown.txt", format!("{}\nnosuch-account\n", targets[0]));
    bench.fails(3, &["nosuch-account", "--skip-unknown"], &["impact", &store, &unknown]);
    let skipped = bench.ok(&["impact", &store, &unknown, "--skip-unknown", "--format", "json"]).json();
    assert_eq!(skipped["accounts_banned"].as_u64().unwrap() + skipped["identifiers_acted_on"].as_u64().unwrap(), 1);
}

#[test]
fn what_a_file_leaves_out_is_said() {
    let bench = Bench::new();
    let store = detected(&bench);
    let ran = bench.ok(&["export", &store, "-o", "out.csv"]);
    assert!(
        ran.stderr.contains("left out: ") && ran.stderr.contains(" that no two of these accounts share, "),
        "{}",
        ran.stderr
    );
    let whole = bench.ok(&["export", &store, "-o", "whole.graphml", "--whole"]).stderr;
    for what in [" that no two of these accounts share", " hubs, ", " sightings with what isn't there"] {
        assert!(whole.contains(what), "{whole}");
    }
}

/// A store as of a time answers like one that was built then; today's stays as it is.
#[test]
fn a_store_can_be_asked_as_of_a_day() {
    let bench = Bench::new();
    let store = detected(&bench);
    let past = bench.path("past").display().to_string();
    let made = bench.ok(&["as-of", &store, "2026-03-12", "-o", &past, "--format", "json", "--quiet"]).json();
    assert!(made["accounts_later"].as_u64() > Some(0) && made["events"].as_u64() > Some(0), "{made}");
    bench.ok(&["verify", &past]);
    let late = bench.ok(&["neighbors", &past, &format!("account:{}", first_event().0), "--format", "jsonl"]).records();
    assert!(
        !late.is_empty() && late.iter().all(|near| text(&near["last_seen"]).as_str() <= "2026-03-12T23:59:59Z"),
        "{late:?}"
    );
    bench.fails(2, &["not changed"], &["update", &past, "events.csv"]);
    bench.fails(2, &["no time"], &["as-of", &store, "soon", "-o", &past]);
    bench.fails(2, &["another folder"], &["as-of", &past, "2026-03-12", "-o", &store]);
}

#[test]
fn hubs_become_indicators_only_when_forced() {
    let bench = Bench::new();
    let store = detected(&bench);
    let indicators = |options: &[&str]| {
        bench.ok(&[&["export", &store, "-o", "out.stix.json", "--all", "--quiet"], options].concat());
        let bundle: Value = serde_json::from_slice(&fs::read(bench.path("out.stix.json")).expect("the bundle")).expect("JSON");
        let objects = bundle["objects"].as_array().expect("objects").clone();
        let of = |kind: &str| objects.iter().filter(|object| object["type"] == kind).cloned().collect::<Vec<Value>>();
        (of("indicator").len(), of("marking-definition").len(), bundle.to_string())
    };
    let (plain, _, _) = indicators(&[]);
    let (forced, _, _) = indicators(&["--force-hub"]);
    let (strict, _, _) = indicators(&["--max-benign", "0%"]);
    assert!(forced > plain && plain >= strict, "{forced} {plain} {strict}");
    let (_, _, text) = indicators(&["--tlp", "red", "--identity", "Lab of Letters"]);
    assert!(text.contains("Lab of Letters") && text.contains("TLP:RED"), "marked as asked");
}

/// The small world, and in it an account that its owner has used for a month before its strongest network came to use it as
/// well. What the owner does after that is given.
fn with_a_victim(bench: &Bench, goes_on: bool) -> (String, String) {
    let store = detected(bench);
    let id = text(&networks(bench, &store)[0]["id"]);
    let member = belonging(bench, &store, &id).into_iter().next().expect("a member");
    let events = fs::read_to_string(crate::support::of_world("events.csv")).expect("the events");
    let mut more =
        String::from("timestamp,account_id,ip,payment_instrument,prompt_template_hash,model,status,pathway,user_agent\n");
    let mut own = |day: &str| more += &format!("{day}T09:30:00Z,victim,203.0.113.77,pm_victim,,atlas-3,200,consumer,Mozilla\n");
    (1..=28).for_each(|day| own(&format!("2026-02-{day:02}")));
    if goes_on {
        (1..=30).for_each(|day| own(&format!("2026-04-{day:02}")));
    }
    for row in events.lines().map(|line| line.split(',').collect::<Vec<&str>>()).filter(|row| row[1] == member) {
        more += &format!("{},victim,{},,{},{},{},{},{}\n", row[0], row[2], row[4], row[5], row[7], row[8], row[11]);
    }
    let more = bench.file("more.csv", more);
    let events = crate::support::of_world("events.csv");
    bench.ok(&["build", &events, &more, "--releases", &crate::support::of_world("releases.csv"), "-o", "victim", "--quiet"]);
    detect_again(bench, "victim");
    let found = bench.ok(&["members", "victim", "--format", "jsonl"]).records();
    let victim = found.into_iter().find(|row| row["account_id"] == "victim").expect("the account");
    (text(&victim["network"]), text(&victim["role"]))
}

#[test]
fn an_account_that_is_used_beside_its_owner_is_never_banned() {
    let bench = Bench::new();
    let (id, role) = with_a_victim(&bench, true);
    assert_eq!(role, "compromised_legitimate");
    let appeal = text(&bench.ok(&["appeal", "victim", "victim", "--format", "json"]).json()["answer"]);
    assert!(
        appeal.contains("28 exchanges before") && appeal.contains("ip:203.0.113.77") && appeal.contains("secured"),
        "{appeal}"
    );
    let dossier = bench.ok(&["network", "victim", &id, "--format", "json"]).json();
    assert_eq!(dossier["roles"]["compromised_legitimate"], 1, "{}", dossier["roles"]);
    // No budget bans it, and whoever bans it all the same is told.
    let plan = bench.ok(&["plan-bans", "victim", &id, "--benign-budget", "1000", "--format", "json"]).json();
    assert_eq!(plan["compromised"], serde_json::json!(["account:victim"]));
    let targets: Vec<String> =
        plan["actions"].as_array().expect("actions").iter().map(|action| text(&action["target"])).collect();
    assert!(!targets.is_empty() && !targets.contains(&"account:victim".to_owned()), "{targets:?}");
    let list = bench.file("bans.txt", "account:victim\n");
    let impact = bench.ok(&["impact", "victim", &list, "--format", "json"]).json();
    assert_eq!(
        (&impact["compromised"], impact["benign_expected"].as_f64()),
        (&serde_json::json!(["account:victim"]), Some(1.0))
    );
    bench.ok(&["export", "victim", "-o", "actions.jsonl", "--network", &id]);
    let actions = fs::read_to_string(bench.path("actions.jsonl")).expect("actions");
    let line = actions.lines().find(|line| line.contains("\"victim\"")).expect("a line");
    assert!(line.contains("\"secure\""), "{line}");
}

#[test]
fn an_account_that_may_be_taken_over_is_banned_after_a_look() {
    let bench = Bench::new();
    let (id, role) = with_a_victim(&bench, false);
    assert_eq!(role, "possibly_taken_over");
    let appeal = text(&bench.ok(&["appeal", "victim", "victim", "--format", "json"]).json()["answer"]);
    let told = ["28 exchanges before", "ip:203.0.113.77", "taken over from its owner", "2026-0", "look before banning"];
    assert!(told.iter().all(|part| appeal.contains(part)), "{appeal}");
    let dossier = bench.ok(&["network", "victim", &id]).stdout;
    assert!(dossier.contains("1 possibly taken over"), "{dossier}");
    // The plan bans it, and says so; so does a list with it, and an export.
    let plan = bench.ok(&["plan-bans", "victim", &id, "--benign-budget", "1000", "--format", "json"]).json();
    let victim = serde_json::json!(["account:victim"]);
    assert_eq!((&plan["possibly_taken_over"], &plan["compromised"]), (&victim, &serde_json::json!([])));
    assert!(plan["actions"].as_array().expect("actions").iter().any(|action| action["target"] == "account:victim"), "{plan}");
    let said = bench.ok(&["plan-bans", "victim", &id, "--benign-budget", "1000"]).stdout;
    assert!(said.contains("1 of these may be taken over from their owners: look before banning"), "{said}");
    assert!(
        said.split_whitespace()
            .collect::<Vec<&str>>()
            .join(" ")
            .contains(" beside 1 to look at first: account:victim, which is what the budget"),
        "{said}"
    );
    let list = bench.file("bans.txt", "account:victim\n");
    assert_eq!(bench.ok(&["impact", "victim", &list, "--format", "json"]).json()["possibly_taken_over"], victim);
    bench.ok(&["export", "victim", "-o", "actions.jsonl", "--network", &id]);
    let actions = fs::read_to_string(bench.path("actions.jsonl")).expect("actions");
    let line = actions.lines().find(|line| line.contains("\"victim\"")).expect("a line");
    assert!(line.contains("\"action\":\"review\"") && line.contains("taken over"), "{line}");
}

#[test]
fn tokens_that_nobody_knows_are_not_told_as_none() {
    let bench = Bench::new();
    let mut rows = String::new();
    for account in 0..4 {
        for second in 0..3 {
            rows += &format!("2026-02-01T00:0{account}:0{second}Z,quiet{account},8.8.8.8\n");
        }
    }
    let without = bench.file("without.csv", format!("timestamp,account_id,ip\n{rows}"));
    let with = bench.file("with.csv", "timestamp,account_id,ip,tokens\n2026-02-01T00:00:00Z,told,8.8.4.4,70\n");
    bench.ok(&["build", &without, &with, "-o", "store", "--quiet"]);
    let tokens = |account: &str| bench.ok(&["show", "store", account, "--format", "json"]).json()["tokens"].clone();
    assert_eq!((tokens("told"), tokens("quiet0")), (70.into(), Value::Null));
    bench.run(&["detect", "store", "--quiet"]);
    let impact = |account: &str| {
        let list = bench.file("list.csv", format!("account_id\n{account}\n"));
        let impact = bench.ok(&["impact", "store", &list, "--format", "json"]).json();
        ["tokens", "tokens_stopped", "benign_tokens_expected"].map(|field| impact[field].clone())
    };
    assert_eq!(impact("told"), [Value::from(70), Value::from(70), Value::from(70.0)]);
    assert_eq!(impact("quiet0"), [Value::from(70), Value::Null, Value::Null]);
}
