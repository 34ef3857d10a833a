//! Every threshold of the linkage chain in one place.
//!
//! Values are policy, not truth: each field says what it decides and why its default is what it is. Thresholds that depend on
//! the data (hub degrees, time spreads, the bits a tie must carry) are measured from the data; the fields here bound or shift
//! what is measured.

use serde::{Deserialize, Serialize};

use crate::ranges::{OutOfRange, Range, check_all};

/// All of the chain: classify, weigh, corroborate, explain, score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkageConfig {
    /// How identifiers are classified.
    pub classify: ClassifyConfig,
    /// How sightings are weighed.
    pub weigh: WeighConfig,
    /// How members are corroborated.
    pub members: MemberConfig,
    /// How benign hypotheses are weighed.
    pub benign: BenignConfig,
    /// How candidates are scored.
    pub score: ScoreConfig,
}

impl LinkageConfig {
    /// Whether every number is one that can be meant.
    ///
    /// # Errors
    /// [`OutOfRange`] that names the first that isn't.
    pub fn validate(&self) -> Result<(), OutOfRange> {
        let LinkageConfig { classify, weigh, members, benign, score } = self;
        benign.validate().map_err(|wrong| wrong.within("benign"))?;
        classify.validate().map_err(|wrong| wrong.within("classify"))?;
        members.validate().map_err(|wrong| wrong.within("members"))?;
        score.validate().map_err(|wrong| wrong.within("score"))?;
        weigh.validate().map_err(|wrong| wrong.within("weigh"))
    }
}

/// Thresholds of [`crate::classify`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassifyConfig {
    /// Most accounts of a household-like identifier; 2-6 after Li & Freeman's household sizes.
    pub household_accounts: u32,
    /// A payment instrument on more accounts than this may be a hub, whatever the fitted tail says.
    pub payment_hub_accounts: u32,
    /// The same for addresses.
    pub address_hub_accounts: u32,
    /// An address on more accounts than this links only together with another identifier.
    pub address_crowd_accounts: u32,
    /// The same floor as `payment_hub_accounts` for every other kind.
    pub other_hub_accounts: u32,
    /// A template or client fingerprint in more than this share of all accounts is popular and links only together
    /// with another identifier.
    pub popular_share: f64,
    /// A template or client fingerprint in more than this share of all accounts never links at all.
    pub common_share: f64,
    /// ... and in more than this share it is popular wherever the fitted tail begins: a kind of which accounts share hardly
    /// anything but popular ones and a campaign's has a tail beyond all of them.
    pub crowd_share: f64,
    /// Standard deviations above the mean of log degree at which the fitted upper tail begins.
    pub tail_deviations: f64,
    /// A hub whose inter-quartile range of first use is at most this share of its kind's is a burst: one operator's hub.
    pub burst_spread: f64,
    /// Fewest accounts with a time from which a spread is computed.
    pub spread_accounts: u32,
    /// Least likeness at which an identifier is another one under a second name ([`crate::IdentifierClass::Alias`]).
    pub alias_share: f64,
}

impl Default for ClassifyConfig {
    fn default() -> Self {
        ClassifyConfig {
            household_accounts: 6,
            payment_hub_accounts: 10,
            address_hub_accounts: 20,
            address_crowd_accounts: 200,
            other_hub_accounts: 10,
            popular_share: 0.005,
            common_share: 0.05,
            crowd_share: 0.2,
            tail_deviations: 3.0,
            burst_spread: 0.05,
            spread_accounts: 5,
            alias_share: 0.8,
        }
    }
}

impl ClassifyConfig {
    fn validate(&self) -> Result<(), OutOfRange> {
        check_all(&mut [
            ("popular_share", self.popular_share, Range::Share),
            ("common_share", self.common_share, Range::Share),
            ("crowd_share", self.crowd_share, Range::Share),
            ("tail_deviations", self.tail_deviations, Range::NotNegative),
            ("burst_spread", self.burst_spread, Range::NotNegative),
            ("spread_accounts", f64::from(self.spread_accounts), Range::Count),
            ("alias_share", self.alias_share, Range::Share),
        ])
    }
}

/// Thresholds of [`crate::weigh`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeighConfig {
    /// What an identifier weighs, by its degree.
    pub scheme: WeightScheme,
    /// Days after which a sighting that was not renewed weighs half; `None`: age doesn't count.
    pub half_life_days: Option<f64>,
    /// Exchanges from which more activity on a sighting adds no weight.
    pub activity_cap: u32,
    /// Share of the weight that a sighting has at a single exchange.
    pub activity_floor: f64,
    /// Separation of each kind, by kind index, in place of the estimate; empty: estimate all.
    pub kind_separation: Vec<Option<f64>>,
    /// Least separation a kind is given, so that no kind is silenced by an estimate.
    pub separation_floor: f64,
    /// Most account pairs a kind's separation is estimated from.
    pub separation_pairs: u32,
}

impl Default for WeighConfig {
    fn default() -> Self {
        WeighConfig {
            scheme: WeightScheme::Bits,
            half_life_days: None,
            activity_cap: 64,
            activity_floor: 0.5,
            kind_separation: Vec::new(),
            separation_floor: 0.05,
            separation_pairs: 20_000,
        }
    }
}

impl WeighConfig {
    fn validate(&self) -> Result<(), OutOfRange> {
        let mut settings = vec![
            ("activity_floor", self.activity_floor, Range::Share),
            ("separation_floor", self.separation_floor, Range::Share),
        ];
        settings.extend(self.kind_separation.iter().flatten().map(|&given| ("kind_separation", given, Range::NotNegative)));
        let half_life = self.half_life_days.iter();
        settings.extend(
            half_life.flat_map(|&days| [Range::NotNegative, Range::Positive].map(|range| ("half_life_days", days, range))),
        );
        check_all(&mut settings)
    }
}

/// What an identifier weighs in the search for communities, by its degree `d` and the `N` accounts that have its kind. Ties are
/// judged by bits whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightScheme {
    /// `log2(N / d)`, within what was declared of the kind: the bits that sharing it says.
    #[default]
    Bits,
    /// `ln(N / d)`, the inverse document frequency, whatever was declared.
    Idf,
    /// `1 / ln(d + 5)` (FRAUDAR, Hooi et al. 2016, doi:10.1145/2939672.2939747).
    InverseLogDegree,
    /// `1 / ln(d)`, 1 for a degree of 2 or less (Adamic & Adar 2003, doi:10.1016/S0378-8733(03)00009-1).
    AdamicAdar,
    /// 1.
    Uniform,
}

impl WeightScheme {
    /// The weight of an identifier on `degree` of `accounts`, where sharing it says `bits`.
    pub(crate) fn weight(self, bits: f64, accounts: f64, degree: f64) -> f64 {
        match self {
            WeightScheme::Bits => bits,
            WeightScheme::Idf => (accounts / degree).ln().max(0.0),
            WeightScheme::InverseLogDegree => 1.0 / (degree + 5.0).ln(),
            WeightScheme::AdamicAdar => 1.0 / degree.ln().max(1.0),
            WeightScheme::Uniform => 1.0,
        }
    }
}

/// Thresholds of [`crate::members`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemberConfig {
    /// Fewest members of a network.
    pub network_size: u32,
    /// Most identifiers of one account that are combined in pairs, most surprising first.
    pub identifiers_per_account: u32,
    /// Identifiers of one account, sampled over all degrees, that are combined in pairs besides.
    pub common_identifiers: u32,
    /// Bits by which a tie must exceed what chance gives among all accounts and all pairs of identifiers tried.
    pub margin_bits: f64,
    /// Bits that an account needs beyond those when it joins a group that it wasn't tied into: the fixed point may drop
    /// members freely but must not creep outwards.
    pub join_bits: f64,
    /// What each further identifier of the same kind counts, relative to the one before: addresses of one gateway, templates of
    /// one tool come together.
    pub same_kind_discount: f64,
    /// What the bits of an identifier that may not link alone, or only down-weighted, count in a tie: people behind one gateway
    /// are alike in more than the gateway.
    pub hub_discount: f64,
    /// How many times more accounts than chance a pair of identifiers must have in common to tie them all.
    pub key_lift: f64,
    /// Share of an identifier's other accounts that must be in the network for the identifier to be the network's own.
    pub exclusivity: f64,
    /// Most rounds of the fixed point members - exclusive identifiers.
    pub rounds: u32,
    /// Share of the smaller of two groups that must be tied across for the two to be one network.
    pub merge_share: f64,
    /// Fewest members from which a group has a profile of its own.
    pub profile_size: u32,
    /// Share of the smaller of two groups that the larger's profile must accept for the two to be one network.
    pub accept_share: f64,
    /// Exclusive identifiers that the typical pair of accounts of a community must share for the community to be looked at
    /// though no tie holds it together: more than users of one tool or one assignment do.
    pub interlock: f64,
    /// Share of what two accounts of the same part of a group have in common that two accounts of different parts must have for
    /// the parts to stay together.
    pub part_share: f64,
    /// The same for an account, or a few, beside a part that hangs together pair by pair: little, as accounts new or at rest
    /// share little.
    pub loose_share: f64,
}

impl Default for MemberConfig {
    fn default() -> Self {
        MemberConfig {
            network_size: 2,
            identifiers_per_account: 16,
            common_identifiers: 8,
            margin_bits: 0.0,
            join_bits: 3.0,
            same_kind_discount: 0.5,
            hub_discount: 0.5,
            key_lift: 32.0,
            exclusivity: 0.5,
            rounds: 8,
            merge_share: 0.25,
            profile_size: 16,
            accept_share: 0.75,
            interlock: 3.0,
            part_share: 0.1,
            loose_share: 0.02,
        }
    }
}

impl MemberConfig {
    fn validate(&self) -> Result<(), OutOfRange> {
        check_all(&mut [
            ("margin_bits", self.margin_bits, Range::Finite),
            ("join_bits", self.join_bits, Range::Finite),
            ("same_kind_discount", self.same_kind_discount, Range::Share),
            ("hub_discount", self.hub_discount, Range::Share),
            ("key_lift", self.key_lift, Range::NotNegative),
            ("exclusivity", self.exclusivity, Range::Share),
            ("merge_share", self.merge_share, Range::Share),
            ("accept_share", self.accept_share, Range::Share),
            ("interlock", self.interlock, Range::NotNegative),
            ("part_share", self.part_share, Range::Share),
            ("loose_share", self.loose_share, Range::Share),
        ])
    }

    /// Whether an identifier is a group's own, one account left out: `held` of its `others` are in the group.
    pub fn is_exclusive(&self, held: u32, others: u32) -> bool {
        held > 0 && f64::from(held) >= self.exclusivity * f64::from(others)
    }
}

/// Thresholds of [`crate::benign`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BenignConfig {
    /// Most accounts of a family or of a free-credit ring; about there the odds of these turn.
    pub ring_accounts: u32,
    /// Hours within which a crowd that met for one occasion first appears.
    pub occasion_hours: f64,
}

impl Default for BenignConfig {
    fn default() -> Self {
        BenignConfig { ring_accounts: 8, occasion_hours: 72.0 }
    }
}

impl BenignConfig {
    fn validate(&self) -> Result<(), OutOfRange> {
        check_all(&mut [("occasion_hours", self.occasion_hours, Range::NotNegative)])
    }
}

/// Thresholds of [`crate::score`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScoreConfig {
    /// What each further signal of the same family counts, relative to the strongest.
    pub dependence_discount: f64,
    /// Most bits that one signal may add or take.
    pub signal_bits: f64,
    /// Score, in bits, from which a network is shown as found.
    pub threshold_bits: f64,
    /// Score, in bits, at which a candidate is as likely an operator's as not: what the odds before any evidence take. Chances and
    /// the harmless share of q-values go by it, whatever the threshold.
    pub even_bits: f64,
}

impl Default for ScoreConfig {
    fn default() -> Self {
        ScoreConfig { dependence_discount: 0.5, signal_bits: 20.0, threshold_bits: 5.0, even_bits: 5.0 }
    }
}

impl ScoreConfig {
    fn validate(&self) -> Result<(), OutOfRange> {
        check_all(&mut [
            ("dependence_discount", self.dependence_discount, Range::Share),
            ("signal_bits", self.signal_bits, Range::Positive),
            ("threshold_bits", self.threshold_bits, Range::Finite),
            ("even_bits", self.even_bits, Range::Finite),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_of_no_accounts_is_refused() {
        assert_eq!(LinkageConfig::default().validate(), Ok(()));
        let classify = ClassifyConfig { spread_accounts: 0, ..ClassifyConfig::default() };
        let error = LinkageConfig { classify, ..LinkageConfig::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "classify.spread_accounts = 0: a number of at least 1 was expected");
    }
}
