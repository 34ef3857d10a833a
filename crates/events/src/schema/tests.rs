//! What columns mean.

use super::*;

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_string()).collect()
}

/// It rejected rows of text, and none of Parquet.
#[test]
fn half_of_a_sighting_is_none() {
    for half in ["entity_kind", "entity_value"] {
        let layout = Map::default().layout(&header(&["account_id", half, "ip"]), Path::new("f")).unwrap();
        assert_eq!((layout.columns.len(), layout.ignored, layout.long), (2, vec![half.to_owned()], false));
    }
}

/// Each of these took minutes: names were compared one by one, and letter by letter.
#[test]
fn names_that_somebody_makes_up_cost_no_more_than_their_bytes() {
    let spelling = |at: u32| {
        let letters = "paymentinstrument".chars().enumerate();
        letters.map(|(place, letter)| if at >> place & 1 == 1 { format!("_{letter}") } else { letter.into() }).collect()
    };
    let header: Vec<String> = std::iter::once("account_id".to_owned()).chain((0..1 << 16).map(spelling)).collect();
    let layout = Map::default().layout(&header, Path::new("f")).unwrap();
    assert_eq!((layout.columns.len(), layout.repeated.len(), layout.ignored.len()), (2, (1 << 16) - 1, 0));
    let long = "x".repeat(4 << 20);
    let layout = Map::default().layout(&["account_id".to_owned(), long.clone()], Path::new("f")).unwrap();
    assert!(layout.ignored[0].ends_with("... (4194304 bytes)") && layout.ignored[0].len() < 300);
    let many: Vec<String> = (0..100_000).map(|at| format!("acount{at}")).chain([long]).collect();
    let error = Map::default().layout(&many, Path::new("f")).unwrap_err().to_string();
    assert!(error.len() < 1000, "{error}");
}

/// Each dot of it was looked at with all that stands before it.
#[test]
fn a_name_of_dots_costs_no_more_than_its_bytes() {
    let map: Map = toml::from_str("[columns]\nip = [\"client.ip\"]").unwrap();
    let begun = std::time::Instant::now();
    let layout = map.layout(&header(&["account_id", &"a.".repeat(1 << 21), "client.IP"]), Path::new("f")).unwrap();
    assert_eq!((layout.columns.len(), layout.ignored.len()), (2, 1));
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn aliases_are_recognised_and_the_rest_is_listed() {
    let layout = Map::default().layout(&header(&["TS", "User_Id", "client_ip", "colour"]), Path::new("f")).unwrap();
    let ours: Vec<&str> = layout.columns.iter().map(|column| column.ours.as_str()).collect();
    assert_eq!(ours, ["timestamp", "account_id", "ip"]);
    assert_eq!(layout.ignored, ["colour"]);
    assert!(!layout.long);
    let layout = Map::default().layout(&header(&["Account ID", "clientIp", "user-agent", "IP"]), Path::new("f")).unwrap();
    let ours: Vec<&str> = layout.columns.iter().map(|column| column.ours.as_str()).collect();
    assert_eq!((ours, layout.ignored.len()), (vec!["account_id", "ip", "user_agent"], 0));
    assert_eq!(layout.repeated, [("clientIp".to_string(), "ip".to_string())], "the name itself goes before an alias");
}

#[test]
fn of_two_addresses_that_of_the_client_is_read() {
    let layout = Map::default().layout(&header(&["user_id", "remote_addr", "X-Forwarded-For", "Card-Hash"]), Path::new("f"));
    let columns: Vec<(String, usize)> = layout.unwrap().columns.into_iter().map(|column| (column.ours, column.index)).collect();
    let expected = [("account_id", 0), ("ip", 2), ("payment_instrument", 3)];
    assert_eq!(columns, expected.map(|(ours, at)| (ours.to_owned(), at)));
}

#[test]
fn a_time_in_two_columns_is_to_be_joined() {
    let map: Map = toml::from_str("[columns]\ntimestamp = \"Date+time\"").unwrap();
    let read = |names: &[&str]| map.layout(&header(names), Path::new("f")).unwrap_err().to_string();
    assert!(read(&["date", "time", "account_id"]).contains("SELECT *, \"Date\" + \"time\" AS timestamp"));
    assert!(read(&["date", "account_id"]).contains("no column \"Date+time\""));
}

#[test]
fn an_object_that_is_null_in_some_rows_is_read_where_fields_are_mapped_in_it() {
    let map: Map = toml::from_str("[columns]\npayment_instrument = \"billing.fp\"").unwrap();
    let keys = header(&["account_id", "billing", "billing.fp", "colour"]);
    let (layout, _) = map.fields(&keys, Path::new("f")).unwrap();
    assert_eq!(layout.ignored, ["colour"]);
}

#[test]
fn a_column_nearly_called_like_one_of_ours_was_meant_to_be_it() {
    assert_eq!(meant_by("ipp"), Some("ip"));
    assert_eq!(meant_by("Payment_Instrumnet"), Some("payment_instrument"));
    assert_eq!(meant_by("tokens"), Some("tokens"));
    assert_eq!([meant_by("colour"), meant_by("id"), meant_by("session_id")], [None; 3]);
}

#[test]
fn a_missing_account_names_the_nearest_column() {
    let error = Map::default().layout(&header(&["ts", "acount_id"]), Path::new("f")).unwrap_err();
    assert!(error.to_string().contains("acount_id"), "{error}");
    let error = Map::default().layout(&header(&["ts", "client_ip", "customer"]), Path::new("f")).unwrap_err();
    assert!(error.to_string().ends_with("with `columns` account_id=NAME; among customer"), "{error}");
    let error = Map::default().layout(&header(&["Amount", "country"]), Path::new("f")).unwrap_err();
    assert!(error.to_string().ends_with("; among Amount, country"), "neither is nearly account_id: {error}");
}

/// It said that the nearest was `account_id`, to be renamed to account_id.
#[test]
fn an_account_that_a_list_of_names_lacks_is_to_be_added_to_it() {
    let map: Map = toml::from_str("[columns]\naccount_id = [\"customer\", \"user.id\"]").unwrap();
    let error = map.layout(&header(&["account_id", "ip"]), Path::new("f")).unwrap_err().to_string();
    assert!(error.contains("no column \"customer\" or \"user.id\"") && error.contains("add \"account_id\""), "{error}");
}

#[test]
fn a_path_that_leads_deeper_than_objects_are_entered_is_refused() {
    let of = |names: usize| {
        let theirs = vec!["a"; names].join(".");
        let columns = vec![ColumnName { ours: "account_id".to_owned(), theirs }];
        Map::of(&IngestConfig { columns, ..IngestConfig::default() })
    };
    assert!(of(DEEPEST).is_ok());
    let error = of(DEEPEST + 1).unwrap_err().to_string();
    assert!(error.contains("account_id lies in 33 objects") && error.contains("32 are entered"), "{error}");
}

#[test]
fn a_mapped_column_must_be_there() {
    let map: Map = toml::from_str("[columns]\naccount_id = \"uid\"\n[kinds.tenant]\ncolumn = \"cloud\"").unwrap();
    let error = map.layout(&header(&["uid", "clouds"]), Path::new("f")).unwrap_err();
    assert!(error.to_string().contains("did you mean \"clouds\""), "{error}");
    assert_eq!(map.layout(&header(&["uid", "cloud"]), Path::new("f")).unwrap().columns.len(), 2);
}

#[test]
fn what_gateways_call_columns_is_recognised_unless_a_map_names_it() {
    let read = |map: &Map, names: &[&str]| {
        let layout = map.layout(&header(names), Path::new("f")).unwrap();
        layout.columns.into_iter().map(|column| (column.ours, column.index)).collect::<Vec<_>>()
    };
    let of = |columns: &[(&str, usize)]| columns.iter().map(|&(ours, at)| (ours.to_owned(), at)).collect::<Vec<_>>();
    let names = ["user.id", "status_code", "usage.total_tokens", "UA", "Organization-ID", "ip"];
    let all = [("account_id", 0), ("ip", 5), ("status", 1), ("tokens", 2), ("user_agent", 3), ("org", 4)];
    assert_eq!(read(&Map::default(), &names), of(&all));
    let kong = ["account_id", "device_id", "response.status"];
    assert_eq!(read(&Map::default(), &kong), of(&[("account_id", 0), ("status", 2), ("device", 1)]));
    assert_eq!(read(&Map::default(), &["account_id", "user.agent"]), of(&[("account_id", 0), ("user_agent", 1)]));
    let map: Map = toml::from_str("[kinds.tenant]\ncolumn = \"org_id\"").unwrap();
    assert_eq!(read(&map, &["account_id", "org_id"]), of(&[("account_id", 0), ("tenant", 1)]));
    assert_eq!((kind_name("UA"), kind_name("org_id")), ("ua".to_owned(), "org_id".to_owned()), "kinds are called as they are");
    // In objects, too.
    let (layout, fields) = Map::default().fields(&header(&["user.id", "ip"]), Path::new("f")).unwrap();
    assert!(layout.reads("account_id") && fields.holds("user") && fields.holds("Usage"));
}

#[test]
fn pairs_of_kind_and_value_are_sightings_where_nothing_else_is_one() {
    let long = |map: &Map, names: &[&str]| {
        let layout = map.layout(&header(names), Path::new("f")).unwrap();
        let (objects, _) = map.fields(&header(names), Path::new("f")).unwrap();
        assert_eq!(layout.long, objects.long, "{names:?}");
        layout.long
    };
    let none = Map::default();
    assert!(long(&none, &["account", "kind", "value", "ts"]) && long(&none, &["Account", "Kind", "Value", "ts", "count"]));
    assert!(!long(&none, &["account", "kind", "value", "ip"]) && !long(&none, &["account", "kind", "ts"]));
    let map: Map = toml::from_str("[kinds.tenant]\ncolumn = \"value\"").unwrap();
    assert!(!long(&map, &["account", "kind", "value"]));
    let mixed = none.layout(&header(&["account", "entity_kind", "entity_value", "kind", "value"]), Path::new("f")).unwrap();
    assert_eq!((mixed.long, mixed.ignored.len()), (true, 2));
}
