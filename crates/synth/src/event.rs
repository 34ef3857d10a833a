//! One exchange, as numbers: strings are made when it is written.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Where an exchange came from, as 128 bits with IPv4 mapped into IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    high: u64,
    low: u64,
}

impl Address {
    pub(crate) fn v4(bits: u32) -> Self {
        Address { high: 0, low: 0xffff_0000_0000 | u64::from(bits) }
    }

    pub(crate) fn v6(prefix: u64, interface: u64) -> Self {
        Address { high: prefix, low: interface }
    }

    /// Whether it is an IPv6 address.
    pub fn is_v6(self) -> bool {
        self.high != 0
    }

    /// The IPv4 address, if it is one.
    pub fn as_v4(self) -> Option<Ipv4Addr> {
        (!self.is_v6()).then(|| Ipv4Addr::from_bits(self.low as u32))
    }

    /// The address as IPv6 (mapped, if it is IPv4).
    pub fn as_v6(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low))
    }
}

/// Whose work an exchange was: truth, never written beside the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Origin {
    /// The account's own owner.
    Owner,
    /// An operator's own keep-alive or warm-up.
    WarmUp,
    /// A campaign.
    Campaign,
    /// A customer of a relay.
    Customer,
}

/// How an account reaches the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Pathway {
    /// The application.
    Consumer,
    /// The programming interface.
    Api,
    /// Through a cloud provider.
    Cloud,
    /// A seat of an organisation.
    Team,
    /// A programme for education.
    Education,
    /// A programme for young companies.
    Startup,
    /// A programme for security research.
    Security,
}

impl Pathway {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        ["consumer", "api", "cloud", "team", "education", "startup", "security"][self as usize]
    }
}

/// No payment instrument.
pub const NO_CARD: u32 = u32::MAX;

/// One exchange. Events order by time, then account, then the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    /// Milliseconds since the epoch.
    pub millis: i64,
    /// Number of the account.
    pub account: u32,
    /// Tokens in and out.
    pub tokens: u32,
    /// The prompt's template, as a key that a keyed bijection turns into its hash.
    pub template: u64,
    /// Where it came from.
    pub address: Address,
    /// The account's payment instrument, or [`NO_CARD`].
    pub card: u32,
    /// HTTP status.
    pub status: u16,
    /// Index into [`crate::clients::CLIENTS`].
    pub client: u8,
    /// Index into [`crate::calendar::MODELS`].
    pub model: u8,
    /// Index into [`CAPABILITIES`].
    pub capability: u8,
    /// How the account reached the service.
    pub pathway: Pathway,
    /// Whose work it was.
    pub origin: Origin,
}

/// What prompts ask for.
pub const CAPABILITIES: [&str; 24] = [
    "chat",
    "coding",
    "code_review",
    "debugging",
    "agentic_tools",
    "translation",
    "summarisation",
    "extraction",
    "classification",
    "reasoning",
    "mathematics",
    "data_analysis",
    "writing",
    "editing",
    "search",
    "question_answering",
    "tutoring",
    "roleplay",
    "planning",
    "legal",
    "medical",
    "vision",
    "rubric_grading",
    "support",
];

/// What kind of thing a template is: the top byte of its key keeps the kinds apart.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum TemplateKind {
    /// One of the population's common templates; by rank.
    Common = 1,
    /// A vendor's or SDK's default system prompt.
    Vendor,
    /// A prompt that went round for three days.
    Viral,
    /// An account's own; by account and number.
    Private,
    /// An organisation's system prompt.
    Organisation,
    /// A look-alike group's starter, assignment or question.
    Group,
    /// A relay customer's own; by pool and customer.
    Customer,
    /// A campaign's; by tenant, base and variant.
    Campaign,
    /// A paraphrase nobody sent before.
    Paraphrase,
    /// An operator's keep-alive.
    Probe,
    /// A prefix injected into every request of an operator.
    Prefix,
}

/// The key of a template.
#[inline]
pub(crate) fn template(kind: TemplateKind, entity: u64, number: u64) -> u64 {
    (kind as u64) << 56 | (entity << 20 | number & 0xf_ffff) & 0xff_ffff_ffff_ffff
}
