//! Each story against shapes that it does and doesn't explain.

use super::*;
use crate::Signal;

fn shape(size: u32) -> Structure {
    Structure {
        size,
        kinds: Vec::new(),
        top_payment: None,
        top_address: None,
        single_address: None,
        top_network: None,
        large_payments: None,
        own_addresses: None,
        top_template: None,
        top_organisation: None,
        declared_organisation: None,
        payment_mesh: None,
        cross_linked: None,
        device_mesh: None,
        occasion: None,
        interest: None,
        burst: None,
        own_templates: None,
        focus: None,
        weekdays: None,
        profile_peak: None,
        own_hours: None,
    }
}

/// The bits of one story.
fn bits_of(hypothesis: BenignHypothesis, structure: &Structure) -> f64 {
    let of = explain_benign(structure, &BenignConfig::default()).likelihoods;
    of.into_iter().find(|likelihood| likelihood.hypothesis == hypothesis).expect("it is told").bits
}

#[test]
fn one_card_one_office_one_organisation_is_an_enterprise() {
    let structure = Structure {
        top_payment: Some(1.0),
        top_address: Some(0.9),
        top_template: Some(0.8),
        top_organisation: Some(1.0),
        payment_mesh: Some(0.0),
        weekdays: Some(0.95),
        ..shape(80)
    };
    let best = explain_benign(&structure, &BenignConfig::default()).best();
    assert_eq!(best.hypothesis, BenignHypothesis::Enterprise);
    assert!(best.bits > 10.0, "{best:?}");
}

#[test]
fn many_cards_each_over_several_accounts_fit_no_story() {
    let structure = Structure {
        top_payment: Some(0.05),
        top_address: Some(0.03),
        top_template: Some(0.1),
        top_organisation: Some(0.0),
        payment_mesh: Some(0.8),
        weekdays: Some(0.71),
        ..shape(600)
    };
    let best = explain_benign(&structure, &BenignConfig::default()).best();
    assert!(best.bits < -5.0, "{best:?}");
}

#[test]
fn services_on_several_cards_are_harmless_only_where_their_organisation_is_declared() {
    let structure = |declared: Option<f64>| Structure {
        top_payment: Some(0.35),
        top_address: Some(1.0),
        top_template: Some(1.0),
        top_organisation: declared,
        declared_organisation: declared,
        payment_mesh: Some(0.65),
        cross_linked: Some(1.0),
        own_templates: Some(5.0),
        weekdays: Some(0.71),
        profile_peak: Some(0.45),
        ..shape(20)
    };
    let best = |declared: Option<f64>| explain_benign(&structure(declared), &BenignConfig::default()).best();
    let declared = best(Some(1.0));
    assert!(declared.hypothesis == BenignHypothesis::Services && declared.bits > 5.0, "{declared:?}");
    assert!(best(None).bits < -5.0, "{:?}", best(None));
    assert!(best(Some(0.0)).bits < -5.0, "{:?}", best(Some(0.0)));
}

#[test]
fn keys_on_one_card_behind_a_few_addresses_are_a_customers_own() {
    let structure = |top_payment: f64, top_address: f64| Structure {
        top_payment: Some(top_payment),
        top_address: Some(top_address),
        top_template: Some(1.0),
        payment_mesh: Some(1.0 - top_payment),
        weekdays: Some(0.71),
        ..shape(12)
    };
    let bits = |top_payment, top_address| bits_of(BenignHypothesis::LoadBalancer, &structure(top_payment, top_address));
    assert!(bits(1.0, 1.0) > 5.0, "{}", bits(1.0, 1.0));
    // Not on a card for three each, nor on rented exits.
    assert!(
        bits(0.25, 1.0) < -3.0 && bits(0.0, 1.0) < -5.0 && bits(1.0, 0.02) < bits(1.0, 1.0) - 5.0,
        "{} {}",
        bits(0.25, 1.0),
        bits(1.0, 0.02)
    );
    // Where nobody knows who pays, or from where, nobody tells it.
    let untold = Structure { top_payment: None, ..structure(1.0, 1.0) };
    let told = explain_benign(&untold, &BenignConfig::default()).likelihoods;
    assert!(told.iter().all(|likelihood| likelihood.hypothesis != BenignHypothesis::LoadBalancer));
}

#[test]
fn cards_behind_one_address_are_a_place_of_work_by_peoples_hours_alone() {
    let best = |single_address: f64, peak: f64| {
        let structure = Structure {
            top_payment: Some(0.3),
            top_address: Some(1.0),
            single_address: Some(single_address),
            top_template: Some(0.95),
            payment_mesh: Some(0.6),
            cross_linked: Some(0.9),
            own_templates: Some(12.0),
            weekdays: Some(0.71),
            profile_peak: Some(peak),
            ..shape(20)
        };
        explain_benign(&structure, &BenignConfig::default()).best()
    };
    let workplace = best(1.0, 0.95);
    assert!(workplace.hypothesis == BenignHypothesis::Workplace && workplace.bits > 3.0, "{workplace:?}");
    assert!(best(1.0, 0.46).bits < -5.0, "round the clock: {:?}", best(1.0, 0.46));
    assert!(best(0.1, 0.95).bits < -5.0, "everybody on ten addresses: {:?}", best(0.1, 0.95));
}

#[test]
fn customers_of_a_reseller_have_work_of_their_own() {
    let best = |focus: f64| {
        let structure = Structure {
            top_payment: Some(0.37),
            top_address: Some(0.01),
            top_template: Some(0.7),
            payment_mesh: Some(0.6),
            cross_linked: Some(0.65),
            own_templates: Some(2.0),
            focus: Some(focus),
            weekdays: Some(0.72),
            ..shape(165)
        };
        explain_benign(&structure, &BenignConfig::default()).best()
    };
    let customers = best(0.08);
    assert!(customers.hypothesis == BenignHypothesis::Reseller && customers.bits > 1.0, "{customers:?}");
    assert!(best(0.5).bits < -5.0, "{:?}", best(0.5));
}

#[test]
fn a_course_behind_one_address_is_a_class() {
    let structure = Structure {
        top_payment: Some(0.01),
        top_address: Some(0.7),
        top_template: Some(0.99),
        payment_mesh: Some(0.0),
        ..shape(300)
    };
    let verdict = explain_benign(&structure, &BenignConfig::default());
    assert!(matches!(verdict.best().hypothesis, BenignHypothesis::Class | BenignHypothesis::Hackathon));
    assert!(verdict.best().bits > 5.0);
}

#[test]
fn people_who_do_the_same_exercises_at_home_are_a_course_unless_they_never_sleep() {
    let bits = |peak: f64, template: f64| {
        let structure = Structure {
            top_payment: Some(0.01),
            top_address: Some(0.02),
            top_template: Some(template),
            payment_mesh: Some(0.0),
            profile_peak: Some(peak),
            ..shape(90)
        };
        bits_of(BenignHypothesis::Course, &structure)
    };
    assert!(bits(0.8, 0.94) > 2.0, "{}", bits(0.8, 0.94));
    // Work that is dealt out by day and night, or of which most accounts have most and none has all.
    assert!(bits(0.43, 0.94) < bits(0.8, 0.94) - 2.0, "{}", bits(0.43, 0.94));
    assert!(bits(0.8, 0.6) < 0.0, "{}", bits(0.8, 0.6));
}

#[test]
fn a_class_has_a_few_templates_of_its_own_and_not_hundreds() {
    // Everybody on some template, no card in common, few on any one address.
    let bits = |own_templates: Option<f64>| {
        let structure = Structure {
            top_payment: Some(0.1),
            top_address: Some(0.1),
            top_template: Some(1.0),
            payment_mesh: Some(0.1),
            own_templates,
            ..shape(16)
        };
        bits_of(BenignHypothesis::Class, &structure)
    };
    let [unknown, one, eight, hundreds] = [None, Some(1.0), Some(8.0), Some(300.0)].map(bits);
    // Beta(1, 4) at 1/17 and 1/3: 3.33 and 1.19 times as likely as anything.
    assert!((one - unknown - 3.3344f64.log2()).abs() < 1e-3, "{one} {unknown}");
    assert!((eight - unknown - 1.1852f64.log2()).abs() < 1e-3, "{eight} {unknown}");
    assert!((hundreds - unknown + SHARE_BITS).abs() < 1e-9, "{hundreds} {unknown}");
}

#[test]
fn people_who_share_nothing_but_content_are_an_audience_unless_their_addresses_are_known() {
    let bits = |structure: Structure| {
        let of = explain_benign(&structure, &BenignConfig::default()).likelihoods;
        of.into_iter().find(|likelihood| likelihood.hypothesis == BenignHypothesis::Audience).map(|found| found.bits)
    };
    let crowd = |interest: f64, own: f64| Structure { interest: Some(interest), own_templates: Some(own), ..shape(99) };
    // 99 members: shares stop at .995. Beta(12, .7) there and Beta(1, 4) at 1/17, over 1 each.
    let expected = (ln_density(0.995, (12.0, 0.7)) / std::f64::consts::LN_2) + 3.3344f64.log2();
    assert!((bits(crowd(1.0, 1.0)).expect("an audience") - expected).abs() < 1e-3);
    assert!(bits(crowd(1.0, 100.0)) < bits(crowd(1.0, 1.0)), "hundreds of things in common are no interest");
    assert!(bits(crowd(0.3, 1.0)).expect("an audience") < -2.0, "most of what they share is something else");
    assert_eq!(bits(crowd(0.0, 1.0)), None);
    assert_eq!(bits(Structure { top_address: Some(0.1), ..crowd(1.0, 1.0) }), None);
}

#[test]
fn departments_with_a_card_each_are_a_company_in_office_hours_only() {
    let best = |weekdays: f64| {
        let structure = Structure {
            top_payment: Some(0.2),
            top_address: Some(0.6),
            top_template: Some(0.95),
            payment_mesh: Some(0.8),
            weekdays: Some(weekdays),
            ..shape(60)
        };
        explain_benign(&structure, &BenignConfig::default()).best()
    };
    assert_eq!(best(0.97).hypothesis, BenignHypothesis::Departments);
    assert!(best(0.97).bits > 5.0, "{:?}", best(0.97));
    assert!(best(0.72).bits < -3.0, "{:?}", best(0.72));
}

#[test]
fn many_cards_on_one_address_are_projects_on_a_build_service_unless_they_ask_the_same() {
    let structure = |top_address: f64, cross_linked: f64| Structure {
        top_payment: Some(0.15),
        top_address: Some(top_address),
        top_template: Some(0.45),
        payment_mesh: Some(0.85),
        cross_linked: Some(cross_linked),
        own_templates: Some(3.0),
        weekdays: Some(0.76),
        ..shape(170)
    };
    let best = explain_benign(&structure(0.8, 0.0), &BenignConfig::default()).best();
    assert!(best.hypothesis == BenignHypothesis::BuildService && best.bits > 4.0, "{best:?}");
    assert!(bits_of(BenignHypothesis::BuildService, &structure(0.05, 0.0)) < -3.0);
    assert!(bits_of(BenignHypothesis::BuildService, &structure(0.8, 0.9)) < -5.0);
}

#[test]
fn a_day_without_a_night_speaks_against_people_in_one_place_and_a_day_like_theirs_says_nothing() {
    let bits = |hypothesis: BenignHypothesis, peak: Option<f64>| {
        let structure = Structure { top_address: Some(0.7), top_template: Some(0.9), profile_peak: peak, ..shape(60) };
        bits_of(hypothesis, &structure)
    };
    let class = |peak| bits(BenignHypothesis::Class, peak);
    assert_eq!(class(Some(0.67)), class(None));
    assert!((class(Some(0.42)) - class(None) - ln_density(0.42, (18.0, 9.0)) / std::f64::consts::LN_2).abs() < 1e-9);
    assert!(class(Some(0.42)) < class(None) - 2.0);
    let crowd = |peak| bits(BenignHypothesis::BenchmarkCrowd, peak);
    assert_eq!(crowd(Some(0.42)), crowd(None));
}

/// That accounts differ in hours as people do, or less, with so many bits.
fn own_hours(bits: f64) -> Signal {
    Signal { value: 0.5, expected: 1.0, bits, p_value: None, power: None }
}

#[test]
fn a_course_taken_all_over_the_world_has_no_night_and_each_of_its_people_has() {
    let bits = |hypothesis: BenignHypothesis, one_clock: Option<f64>| {
        let own_hours = one_clock.map(|odds| own_hours(odds.log2()));
        let at_home = Structure { top_payment: Some(0.01), top_address: Some(0.02), payment_mesh: Some(0.0), ..shape(200) };
        let structure = Structure { top_template: Some(0.95), profile_peak: Some(0.42), own_hours, ..at_home };
        bits_of(hypothesis, &structure)
    };
    let course = |one_clock| bits(BenignHypothesis::Course, one_clock);
    assert_eq!(course(Some(1.0)), course(None));
    assert!(course(Some(0.001)) > course(None) + 2.0, "{} {}", course(Some(0.001)), course(None));
    // A class sits in one place.
    assert_eq!(bits(BenignHypothesis::Class, Some(0.001)), bits(BenignHypothesis::Class, None));
}

#[test]
fn one_clock_speaks_against_projects_of_many_and_not_against_an_office() {
    let without = |peak: f64| Structure {
        top_address: Some(0.7),
        payment_mesh: Some(0.8),
        large_payments: Some(0.0),
        own_addresses: Some(0.2),
        profile_peak: Some(peak),
        ..shape(100)
    };
    let lost = |hypothesis: BenignHypothesis, clock_bits: f64, peak: f64| {
        let with = Structure { own_hours: Some(own_hours(clock_bits)), ..without(peak) };
        bits_of(hypothesis, &without(peak)) - bits_of(hypothesis, &with)
    };
    for told in explain_benign(&without(0.45), &BenignConfig::default()).likelihoods {
        let hypothesis = told.hypothesis;
        assert_eq!(lost(hypothesis, -8.0, 0.45), 0.0, "{hypothesis:?}");
        let around_the_clock = lost(hypothesis, 4.5, 0.45);
        assert_eq!(around_the_clock > 4.0, hypothesis.is_of_many(), "{hypothesis:?}: {around_the_clock}");
        // One country's people keep one day.
        assert!(lost(hypothesis, 4.5, 0.68) < 0.2, "{hypothesis:?}");
        assert!(lost(hypothesis, 4.5, 1.0).abs() < 1e-9, "{hypothesis:?}");
    }
    assert!(BenignHypothesis::BuildService.is_of_many() && !BenignHypothesis::Enterprise.is_of_many());
}

#[test]
fn people_at_home_whom_two_cards_pay_for_are_told_from_a_pool_by_who_pays() {
    let paid = |large_payments: f64| Structure {
        top_payment: Some(0.51),
        top_address: Some(0.05),
        top_template: Some(0.6),
        payment_mesh: Some(0.49),
        cross_linked: Some(0.97),
        large_payments: Some(large_payments),
        own_addresses: Some(0.93),
        ..shape(140)
    };
    let best = explain_benign(&paid(0.99), &BenignConfig::default()).best();
    assert!(best.hypothesis == BenignHypothesis::HomeWorkers && best.bits > 4.0, "{best:?}");
    assert!(bits_of(BenignHypothesis::HomeWorkers, &paid(0.0)) < -5.0);
    // Nothing is known of their homes.
    let untold = Structure { own_addresses: None, ..paid(0.99) };
    let of = explain_benign(&untold, &BenignConfig::default()).likelihoods;
    assert!(of.iter().all(|likelihood| likelihood.hypothesis != BenignHypothesis::HomeWorkers));
}

#[test]
fn a_crowd_with_one_prompt_set_is_told_only_where_prompts_are_known() {
    let is_told = |structure: &Structure| {
        let of = explain_benign(structure, &BenignConfig::default()).likelihoods;
        of.iter().any(|likelihood| likelihood.hypothesis == BenignHypothesis::BenchmarkCrowd)
    };
    let unknown = Structure { top_payment: Some(0.01), top_address: Some(0.01), ..shape(900) };
    assert!(!is_told(&unknown));
    assert!(is_told(&Structure { top_template: Some(0.9), ..unknown }));
}

#[test]
fn what_is_missing_says_nothing() {
    let verdict = explain_benign(&shape(5), &BenignConfig::default());
    assert!(verdict.likelihoods.iter().all(|likelihood| likelihood.bits == 0.0));
}

#[test]
fn densities_integrate_to_one() {
    let stories = HYPOTHESES.iter().map(|(_, expectation)| expectation).chain(&OPERATORS);
    for story in stories {
        for beta in [story.top_payment, story.top_address, story.payment_mesh, story.weekdays].into_iter().flatten() {
            // Substituting x = t^4 (1 on the other side by symmetry) tames the poles at 0 and 1.
            let half = |beta: Beta| -> f64 {
                let steps = 20_000;
                let width = 0.5f64.powf(0.25) / f64::from(steps);
                (0..steps)
                    .map(|step| {
                        let t = (f64::from(step) + 0.5) * width;
                        ln_density(t.powi(4), beta).exp() * 4.0 * t.powi(3) * width
                    })
                    .sum()
            };
            let integral = half(beta) + half((beta.1, beta.0));
            assert!((integral - 1.0).abs() < 1e-3, "{beta:?}: {integral}");
        }
    }
}

#[test]
fn a_class_sits_in_one_network() {
    // 120 accounts on own cards, one set of prompts and addresses that most of them share, day and night.
    let peak = |structure: Structure, peak: f64| Structure { profile_peak: Some(peak), ..structure };
    let shape = |top_network: Option<f64>| {
        let shares = Structure { top_payment: Some(0.01), top_address: Some(0.6), top_template: Some(1.0), ..shape(120) };
        Structure { payment_mesh: Some(0.0), top_network, ..shares }
    };
    let class = |top_network: Option<f64>| bits_of(BenignHypothesis::Class, &peak(shape(top_network), 0.43));
    let unknown = class(None);
    // Two networks, as of a campus and its provider, are like one, and one is no more than not to know.
    assert_eq!(class(Some(1.0)), unknown);
    assert!((class(Some(0.5)) - unknown + 1.0).abs() < 0.1);
    // Exits in dozens of networks are no place.
    assert!(class(Some(0.05)) < unknown - 8.0, "{} {unknown}", class(Some(0.05)));
    // Unless their days say that they are in one, and go through a vendor's; or nobody knows what they ask.
    let by_day = |top_network: Option<f64>| bits_of(BenignHypothesis::Class, &peak(shape(top_network), 0.75));
    assert!(by_day(Some(0.05)) > by_day(None) - 0.5, "{} {}", by_day(Some(0.05)), by_day(None));
    let unasked = |top_network: Option<f64>| Structure { top_template: None, ..peak(shape(top_network), 0.43) };
    let [there, unknown] = [Some(0.05), None].map(|networks| bits_of(BenignHypothesis::Class, &unasked(networks)));
    assert_eq!(there, unknown);
}

#[test]
fn one_prompt_set_behind_exits_all_over_the_world_is_an_operators() {
    // 120 accounts on own cards with one set of prompts; half of them come through the commonest address.
    let of_exits = |top_network: Option<f64>, peak: f64| Structure {
        top_payment: Some(0.01),
        top_address: Some(0.5),
        single_address: Some(0.01),
        top_network,
        top_template: Some(1.0),
        payment_mesh: Some(0.0),
        cross_linked: Some(0.0),
        profile_peak: Some(peak),
        ..shape(120)
    };
    let best = |structure: Structure| explain_benign(&structure, &BenignConfig::default()).best();
    let in_one_network = best(of_exits(Some(1.0), 0.43));
    assert!(in_one_network.bits > 0.0, "{in_one_network:?}");
    // The operator of rented exits is weighed, and explains own cards as well as any story does.
    let all_over = best(of_exits(Some(0.07), 0.43));
    assert!(all_over.bits < in_one_network.bits - 5.0, "{all_over:?} {in_one_network:?}");
    // It isn't where no network is known, and where days are those of one place: all stories are as before.
    assert_eq!(best(of_exits(None, 0.43)), in_one_network);
    let by_day = best(of_exits(Some(0.07), 0.75));
    assert!(by_day.bits > best(of_exits(Some(1.0), 0.75)).bits - 0.5, "{by_day:?}");
}
