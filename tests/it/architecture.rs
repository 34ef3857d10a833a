//! The arrows of crates/README.md, checked against `cargo metadata`.

#[cfg(target_os = "linux")]
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Which of our crates each crate may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("hydralink-graph", &[]),
    ("hydralink-events", &["hydralink-graph"]),
    ("hydralink-community", &["hydralink-graph"]),
    ("hydralink-evidence", &["hydralink-graph"]),
    ("hydralink-synth", &[]),
    ("hydralink", &["hydralink-graph", "hydralink-events", "hydralink-community", "hydralink-evidence", "hydralink-synth"]),
    ("hydralink-cli", &["hydralink"]),
    ("hydralink-python", &["hydralink"]),
];

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

#[test]
fn arrows_point_one_way() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let Some((_, allowed)) = ARROWS.iter().find(|(ours, _)| *ours == name) else {
            panic!("crate {name} is not in the table of arrows: a new crate is an architecture change");
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let dependency_name = dependency["name"].as_str().expect("a name");
            let ours = dependency_name == "hydralink" || dependency_name.starts_with("hydralink-");
            let dev = dependency["kind"].as_str() == Some("dev");
            assert!(
                !ours || dev && name == "hydralink-cli" || allowed.contains(&dependency_name),
                "{name} depends on {dependency_name}; allowed: {allowed:?}"
            );
        }
    }
    assert_eq!(packages.len(), ARROWS.len(), "every crate of the table exists");
}

#[test]
fn whoever_calls_the_facade_has_no_logic_of_its_own() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    for name in ["hydralink-cli", "hydralink-python"] {
        let package = packages.iter().find(|package| package["name"] == name).expect(name);
        let direct: Vec<&str> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .collect();
        for algorithmic in ["hydralink-graph", "hydralink-community", "hydralink-evidence", "hydralink-events", "petgraph"] {
            assert!(!direct.contains(&algorithmic), "{name} calls {algorithmic} past the facade");
        }
    }
}

/// Examples show what a user of the library can do, who has no other of its crates.
#[test]
fn examples_take_everything_from_the_facade() {
    let mut read = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).expect("examples") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("an example");
        for internal in ["graph", "events", "community", "evidence", "synth"] {
            let [used, called] = [format!("use {internal}::"), format!(" {internal}::")];
            let found = text.lines().find(|line| line.starts_with(&used) || line.contains(&called) && !line.contains("//"));
            assert_eq!(found, None, "{}: {internal} is an internal crate", path.display());
        }
        read += 1;
    }
    assert!(read > 4, "only {read} examples were found");
}

/// `cargo test --workspace` needs no Python: nothing of the library is linked where no Python asked for it.
#[test]
fn the_python_library_is_built_for_python_only() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let python = packages.iter().find(|package| package["name"] == "hydralink-python").expect("python");
    let built = |target: &&serde_json::Value| target["kind"] != serde_json::json!(["custom-build"]);
    for target in python["targets"].as_array().expect("targets").iter().filter(built) {
        assert_eq!(target["kind"], serde_json::json!(["cdylib"]), "{target}");
        assert_eq!((&target["test"], &target["doctest"]), (&false.into(), &false.into()), "{target}");
    }
    let pyo3 = python["dependencies"].as_array().expect("dependencies").iter().find(|of| of["name"] == "pyo3").expect("pyo3");
    let features = pyo3["features"].as_array().expect("features");
    assert!(features.contains(&"abi3-py311".into()) && !features.contains(&"extension-module".into()), "{features:?}");
}

/// The packages of a build and their features, each once, as `cargo tree` says them.
#[cfg(target_os = "linux")]
fn chosen(of: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none", "--no-dedupe", "--format", "{p} {f}"])
        .args(of)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The wheel of the checks takes what the tests compiled: one feature more or less of a shared dependency, and everything above
/// that is compiled again, for minutes. Its feature `as-in-workspace` says how.
#[cfg(target_os = "linux")]
#[test]
fn the_wheel_takes_what_the_tests_compiled() {
    let of_tests = chosen(&["--workspace", "--edges", "normal,build,dev"]);
    let of_wheel = chosen(&["--package", "hydralink-python", "--features", "as-in-workspace", "--edges", "normal,build"]);
    let differs = of_wheel.difference(&of_tests).filter(|package| !package.starts_with("hydralink-python "));
    assert_eq!(differs.collect::<Vec<_>>(), Vec::<&String>::new());
}
