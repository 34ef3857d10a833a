use super::*;

/// Text an attacker would choose as a label.
const HOSTILE: [&str; 6] = [
    "</script><script>window.hacked=1</script>",
    "<!--<script>",
    "\"><img src=x onerror=window.hacked=1>",
    "quotes ' \" ` & \\",
    "line\u{2028}paragraph\u{2029}bell\u{7}nul\u{0}",
    "evil\u{202e}gnp.exe",
];

fn hostile_report() -> ReportData {
    let nodes = HOSTILE.len();
    let labels: Vec<String> = HOSTILE.iter().map(|&label| label.to_owned()).collect();
    ReportData {
        run: RunHeader { run_id: HOSTILE[0].to_owned(), ..RunHeader::default() },
        networks: vec![NetworkSection { id: HOSTILE[2].to_owned(), why: HOSTILE[4].to_owned(), ..NetworkSection::default() }],
        graph: ReportGraph {
            kinds: vec![NodeKind { name: HOSTILE[1].to_owned(), is_account: true }],
            label: labels,
            x: vec![0.5; nodes],
            y: vec![-0.5; nodes],
            size: vec![1.0; nodes],
            score: vec![2.0; nodes],
            kind: vec![0; nodes],
            network: vec![0, NO_NETWORK, 0, 0, 0, 0],
            membership: vec![1, 0, 2, 3, 1, 1],
            roles: vec!["operator_owned".to_owned()],
            role: vec![1, 0, 0, 0, 0, 1],
            known_good: vec![0; nodes],
            degree: vec![1, 1, 0, 0, 0, 0],
            source: vec![0],
            target: vec![1],
            weight: vec![3.0],
        },
        ..ReportData::default()
    }
}

fn page(data: &ReportData) -> String {
    let mut bytes = Vec::new();
    write_report(data, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// What stands between the first `open` and the next `close`.
fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    let start = text.find(open).unwrap() + open.len();
    &text[start..start + text[start..].find(close).unwrap()]
}

#[test]
fn hostile_text_adds_no_markup_and_comes_back_whole() {
    let hostile = page(&hostile_report());
    let plain = page(&ReportData::default());
    for markup in ["<script", "</script", "<img", "<!--"] {
        assert_eq!(hostile.matches(markup).count(), plain.matches(markup).count(), "{markup}");
    }
    let json = between(&hostile, "id=\"report-data\">", "</script>");
    assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{2029}', '\0', '\u{7}']));
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    for (index, label) in HOSTILE.iter().enumerate() {
        assert_eq!(value["graph"]["label"][index], *label);
    }
    assert_eq!(value["graph"]["x"], STANDARD.encode(0.5f32.to_le_bytes().repeat(6)));
    assert_eq!(value["graph"]["source"], "AAAAAA==");
}

#[test]
fn the_policy_admits_exactly_the_pages_own_script_and_style() {
    let page = page(&hostile_report());
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let script = page.rsplit("<script>").next().unwrap().split("</script>").next().unwrap();
    let style = between(&page, "<style>", "</style>");
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data: blob:; base-uri 'none'; form-action 'none'",
            hash(script),
            hash(style)
        )
    );
    // FIPS 180-4's example, so that the hash is the standard's and not merely the same twice.
    assert_eq!(csp_hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

#[test]
fn the_page_holds_no_address_and_no_way_round_text_nodes() {
    let script = script();
    for asset in [BODY, STYLE] {
        assert!(!asset.contains("http") && !asset.contains("url(") && !asset.contains("@import"));
    }
    for sink in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch(", "XMLHttpRequest"]
    {
        assert!(!script.contains(sink), "{sink}");
    }
    assert!(!script.contains("</script") && !script.contains("<!--") && !STYLE.contains("</style"));
    // Namespaces name formats; nothing is fetched from them.
    let mut addresses: Vec<&str> = script.match_indices("http").map(|(at, _)| &script[at..at + 24]).collect();
    addresses.dedup();
    let namespaces =
        ["http://www.w3.org/2000/s", "http://graphml.graphdraw", "http://www.w3.org/2001/X", "http://graphml.graphdraw"];
    assert_eq!(addresses, namespaces);
    assert!(
        !BODY.contains("style=") && !BODY.contains(" onclick") && !BODY.contains(" onload"),
        "inline styles and handlers are barred by the policy"
    );
}

#[test]
fn the_script_shows_what_the_command_line_shows() {
    let script = script();
    assert!(script.contains(r"\u{200b}-\u{200f}") && script.contains(r"\u{e0000}-\u{e0fff}]/gu"));
    assert_eq!(script.matches("$UNSEEN").count(), 0);
}

#[test]
fn same_data_same_bytes() {
    assert_eq!(page(&hostile_report()), page(&hostile_report().clone()));
}

#[test]
fn an_inconsistent_graph_is_refused_before_the_first_byte() {
    type Spoil = fn(&mut ReportData);
    let cases: [(Spoil, &str); 6] = [
        (|data| data.graph.x.truncate(5), "report graph: 6 labels, but column x has 5 entries"),
        (|data| data.graph.weight.push(1.0), "report graph: 1 sources, 1 targets, 2 weights"),
        (|data| data.graph.target[0] = 6, "report graph: an edge ends at node 6, but there are 6 nodes"),
        (|data| data.graph.kind[3] = 1, "report graph: a node is of kind 1, but there are 1 kinds"),
        (|data| data.graph.role[0] = 2, "report graph: a node has role 2, but there are 1 roles"),
        (|data| data.graph.network[3] = 1, "report graph: a node is of network 1, but there are 1 networks"),
    ];
    for (spoil, message) in cases {
        let mut data = hostile_report();
        spoil(&mut data);
        let mut bytes = Vec::new();
        let error = write_report(&data, &mut bytes).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::InvalidInput, message));
        assert!(bytes.is_empty());
    }
}

#[test]
fn numbers_that_json_lacks_become_null() {
    let mut data = hostile_report();
    data.networks[0].score_bits = f64::INFINITY;
    let text = page(&data);
    let value: serde_json::Value = serde_json::from_str(between(&text, "id=\"report-data\">", "</script>")).unwrap();
    assert!(value["networks"][0]["score_bits"].is_null());
}
