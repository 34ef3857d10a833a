//! What each harmless story, and the operator that it competes with, expects of a candidate's shares: the stated priors of
//! [`crate::benign`].

use crate::benign::BenignHypothesis;

/// Parameters of a Beta density.
pub(crate) type Beta = (f64, f64);

/// What one story expects of each share; `None` where it says nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expectation {
    pub(crate) top_payment: Option<Beta>,
    pub(crate) top_address: Option<Beta>,
    pub(crate) single_address: Option<Beta>,
    /// Only of people who sit in one place and ask the same: it never speaks for a story.
    pub(crate) top_network: Option<Beta>,
    pub(crate) large_payments: Option<Beta>,
    pub(crate) own_addresses: Option<Beta>,
    pub(crate) top_template: Option<Beta>,
    pub(crate) top_organisation: Option<Beta>,
    pub(crate) payment_mesh: Option<Beta>,
    pub(crate) cross_linked: Option<Beta>,
    pub(crate) device_mesh: Option<Beta>,
    pub(crate) occasion: Option<Beta>,
    pub(crate) interest: Option<Beta>,
    pub(crate) burst: Option<Beta>,
    /// Of the share that `benign::breadth` makes of a number of templates.
    pub(crate) breadth: Option<Beta>,
    pub(crate) focus: Option<Beta>,
    pub(crate) weekdays: Option<Beta>,
    /// Only of people in one place; an operator may keep its customers' hours, or none.
    pub(crate) profile_peak: Option<Beta>,
}

/// Nearly none, little, hardly any of what they do, some, most, nearly all, whatever.
const NONE: Option<Beta> = Some((0.7, 12.0));
const LITTLE: Option<Beta> = Some((1.0, 4.0));
const HARDLY: Option<Beta> = Some((1.0, 20.0));
const SOME: Option<Beta> = Some((2.0, 5.0));
const MOST: Option<Beta> = Some((4.0, 1.5));
const ALL: Option<Beta> = Some((12.0, 0.7));
const ANY: Option<Beta> = Some((1.0, 1.0));
/// Addresses of one place: two networks with half of them each cost it a bit, three 2.8, ten 8.
const ONE_NETWORK: Option<Beta> = Some((4.0, 1.0));
/// Exchanges on five of seven days when days don't matter, and in offices.
const EVERY_DAY: Option<Beta> = Some((35.0, 14.0));
const OFFICE_DAYS: Option<Beta> = Some((45.0, 4.0));

/// Exchanges in the busiest ten hours of people who live in one place, and of those in offices; 10 / 24 would be around the
/// clock.
const ONE_PLACE: Option<Beta> = Some(OF_ONE_PLACE);
pub(crate) const OF_ONE_PLACE: Beta = (18.0, 9.0);
const OFFICE_HOURS: Option<Beta> = Some((16.0, 4.0));
/// Of accounts that are used around the clock, more by day.
pub(crate) const AROUND_THE_CLOCK: Beta = (30.0, 30.0);
/// The same where nothing but the hours tells people at work from machines.
const HOURS_OF_WORK: Option<Beta> = Some((48.0, 12.0));

/// Says nothing of anything.
const SILENT: Expectation = Expectation {
    top_payment: None,
    top_address: None,
    single_address: None,
    top_network: None,
    large_payments: None,
    own_addresses: None,
    top_template: None,
    top_organisation: None,
    payment_mesh: None,
    cross_linked: None,
    device_mesh: None,
    occasion: None,
    interest: None,
    burst: None,
    breadth: None,
    focus: None,
    weekdays: None,
    profile_peak: None,
};

/// An operator: many cards, each over several accounts; many addresses; templates in common; made in batches or not.
const OPERATOR: Expectation = Expectation {
    top_payment: LITTLE,
    top_address: LITTLE,
    single_address: LITTLE,
    top_network: None,
    large_payments: LITTLE,
    own_addresses: ANY,
    top_template: ANY,
    top_organisation: NONE,
    payment_mesh: Some((1.5, 1.5)),
    cross_linked: Some((1.5, 1.5)),
    device_mesh: Some((1.5, 1.5)),
    occasion: LITTLE,
    interest: ANY,
    burst: LITTLE,
    breadth: ANY,
    focus: ANY,
    weekdays: EVERY_DAY,
    profile_peak: None,
};

/// The same behind a few addresses: servers of its own, or the exits of a service.
const OPERATOR_OF_FEW_ADDRESSES: Expectation = Expectation { top_address: ANY, single_address: ANY, ..OPERATOR };

/// An operator who pays for an own address and an own card for each account, and shares nothing but the work.
const UNSHARING_OPERATOR: Expectation = Expectation {
    top_payment: NONE,
    top_address: NONE,
    single_address: ANY,
    payment_mesh: NONE,
    cross_linked: NONE,
    device_mesh: NONE,
    ..OPERATOR
};

/// An operator who pays for an own card for each account, all of which ask the same through exits that somebody rents out all over
/// the world: most accounts come through each of them sooner or later.
const OPERATOR_OF_RENTED_EXITS: Expectation = Expectation {
    top_payment: NONE,
    top_address: MOST,
    single_address: LITTLE,
    top_template: ALL,
    payment_mesh: NONE,
    cross_linked: NONE,
    device_mesh: NONE,
    ..OPERATOR
};

/// Strangers who do the same work, each at home and on an own card.
const STRANGERS_AT_HOME: Expectation = Expectation {
    top_payment: NONE,
    top_address: NONE,
    top_template: ALL,
    top_organisation: NONE,
    payment_mesh: NONE,
    device_mesh: NONE,
    ..SILENT
};

/// The operators that a story competes with, each as likely as the others; the last only where shared addresses are known to lie
/// all over the world, the hours are no place's, and prompts are known.
pub(crate) const OPERATORS: [Expectation; 4] =
    [OPERATOR, OPERATOR_OF_FEW_ADDRESSES, UNSHARING_OPERATOR, OPERATOR_OF_RENTED_EXITS];

/// The stories' expectations.
pub(crate) const HYPOTHESES: [(BenignHypothesis, Expectation); 18] = [
    (
        BenignHypothesis::Enterprise,
        Expectation {
            top_payment: ALL,
            top_address: MOST,
            top_template: MOST,
            top_organisation: ALL,
            payment_mesh: NONE,
            device_mesh: LITTLE,
            occasion: LITTLE,
            weekdays: OFFICE_DAYS,
            profile_peak: OFFICE_HOURS,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::Departments,
        Expectation {
            top_payment: SOME,
            top_address: MOST,
            top_template: MOST,
            top_organisation: ALL,
            payment_mesh: MOST,
            device_mesh: LITTLE,
            occasion: LITTLE,
            weekdays: OFFICE_DAYS,
            profile_peak: OFFICE_HOURS,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::Workplace,
        Expectation {
            top_payment: SOME,
            top_address: MOST,
            single_address: ALL,
            top_template: MOST,
            top_organisation: ALL,
            payment_mesh: MOST,
            device_mesh: LITTLE,
            occasion: LITTLE,
            weekdays: EVERY_DAY,
            profile_peak: HOURS_OF_WORK,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::Services,
        Expectation {
            top_payment: SOME,
            top_address: MOST,
            top_template: MOST,
            top_organisation: ALL,
            payment_mesh: MOST,
            occasion: LITTLE,
            weekdays: EVERY_DAY,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::LoadBalancer,
        Expectation {
            top_payment: ALL,
            top_address: MOST,
            top_template: MOST,
            occasion: LITTLE,
            weekdays: EVERY_DAY,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::Campus,
        Expectation {
            top_payment: NONE,
            top_address: MOST,
            top_template: LITTLE,
            payment_mesh: NONE,
            occasion: LITTLE,
            profile_peak: ONE_PLACE,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::CarrierNat,
        Expectation {
            top_payment: NONE,
            top_address: MOST,
            top_template: NONE,
            top_organisation: NONE,
            payment_mesh: NONE,
            device_mesh: NONE,
            occasion: LITTLE,
            weekdays: EVERY_DAY,
            profile_peak: ONE_PLACE,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::Agency,
        Expectation {
            top_payment: ALL,
            top_address: LITTLE,
            top_template: LITTLE,
            top_organisation: LITTLE,
            payment_mesh: NONE,
            device_mesh: NONE,
            occasion: LITTLE,
            weekdays: OFFICE_DAYS,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::Reseller,
        Expectation {
            top_payment: SOME,
            top_address: LITTLE,
            top_template: ANY,
            top_organisation: LITTLE,
            payment_mesh: MOST,
            device_mesh: NONE,
            occasion: LITTLE,
            breadth: LITTLE,
            focus: HARDLY,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::HomeWorkers,
        Expectation {
            top_payment: Some((2.0, 1.5)),
            top_address: LITTLE,
            large_payments: ALL,
            own_addresses: Some((12.0, 1.5)),
            top_template: ANY,
            device_mesh: NONE,
            occasion: LITTLE,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::Class,
        Expectation {
            top_payment: NONE,
            top_address: MOST,
            top_network: ONE_NETWORK,
            top_template: ALL,
            payment_mesh: NONE,
            breadth: LITTLE,
            profile_peak: ONE_PLACE,
            ..SILENT
        },
    ),
    (BenignHypothesis::Course, Expectation { profile_peak: ONE_PLACE, ..STRANGERS_AT_HOME }),
    (
        BenignHypothesis::Hackathon,
        Expectation {
            top_payment: NONE,
            top_address: ALL,
            top_network: ONE_NETWORK,
            top_template: ALL,
            top_organisation: NONE,
            payment_mesh: NONE,
            device_mesh: NONE,
            burst: MOST,
            breadth: LITTLE,
            profile_peak: ONE_PLACE,
            ..SILENT
        },
    ),
    (BenignHypothesis::BenchmarkCrowd, Expectation { occasion: LITTLE, burst: ALL, ..STRANGERS_AT_HOME }),
    (
        BenignHypothesis::Family,
        Expectation {
            top_payment: MOST,
            top_address: ALL,
            top_template: LITTLE,
            top_organisation: NONE,
            payment_mesh: NONE,
            device_mesh: MOST,
            occasion: LITTLE,
            weekdays: EVERY_DAY,
            profile_peak: ONE_PLACE,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::FreeCreditRing,
        Expectation {
            top_payment: ANY,
            top_address: MOST,
            top_template: ANY,
            top_organisation: NONE,
            payment_mesh: LITTLE,
            occasion: MOST,
            weekdays: EVERY_DAY,
            profile_peak: ONE_PLACE,
            ..SILENT
        },
    ),
    (
        BenignHypothesis::BuildService,
        Expectation {
            top_payment: LITTLE,
            top_address: ALL,
            top_template: LITTLE,
            payment_mesh: MOST,
            cross_linked: NONE,
            occasion: LITTLE,
            breadth: LITTLE,
            ..SILENT
        },
    ),
    (BenignHypothesis::Audience, Expectation { occasion: LITTLE, interest: ALL, breadth: LITTLE, ..SILENT }),
];
