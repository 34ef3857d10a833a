// What the examples in the documentation ask: a small synthetic world, built and detected, in a folder that goes with the
// example.
{
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (world, store) = (folder.path().join("world"), folder.path().join("store"));
    let small = hydralink::synth::WorldConfig::new(hydralink::synth::Tier::Xs, 2);
    hydralink::synth::write_world(&world, &small, hydralink::synth::Format::Csv, &mut |_| {}).expect("a world");
    let config = hydralink::IngestConfig {
        accounts: Some(world.join("accounts.csv")),
        releases: Some(world.join("releases.csv")),
        ..hydralink::IngestConfig::default()
    };
    hydralink::build(&[world.join("events.csv")], &store, &config, &hydralink::Unobserved).expect("a store");
    hydralink::detect(&store, &hydralink::DetectConfig::default(), &hydralink::Unobserved).expect("networks");
    (folder, store)
}
