//! One column of one batch of Parquet: its values as they were decoded, and what is known of them without the other columns.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, BinaryArray, DictionaryArray, PrimitiveArray, StringArray};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};

use crate::cells::{Cell, requests, requests_number, status, status_number, tokens, tokens_number, whole};
use crate::normalise::Reason;
use crate::normalise::forwarded::is_list;
use crate::normalise::time::{self, Unit, Zone};
use crate::schema::{LayoutColumn, Use};
use crate::session::{EMPTY, Role, Session, rejected};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

const UNRESOLVED: u32 = u32::MAX - 256;

/// One column of one batch, as far as it can be resolved without the others.
pub(crate) enum Resolved {
    /// Values, and the code of each entry of their dictionary.
    Codes {
        codes: Arc<Vec<u32>>,
        values: Values,
        /// Whether one of them may be a list of hops, where they are addresses.
        lists: bool,
    },
    Times(Values),
    Counts(Values),
    Tokens(Values),
    Statuses(Values),
    /// Values whose kind another column tells.
    OfKind(Values),
}

impl Resolved {
    fn values(&self) -> &Values {
        let (Resolved::Codes { values, .. }
        | Resolved::Times(values)
        | Resolved::Counts(values)
        | Resolved::Tokens(values)
        | Resolved::Statuses(values)
        | Resolved::OfKind(values)) = self;
        values
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        self.values().len()
    }

    /// The text of a row, where the column is one of text.
    pub(crate) fn raw(&self, at: usize) -> &[u8] {
        self.values().raw(at)
    }

    /// Whether a value of the column's dictionary may be a list of hops.
    pub(crate) fn has_lists(&self) -> bool {
        matches!(self, Resolved::Codes { lists: true, .. })
    }

    /// The codes of some rows, where the column has codes; else nothing.
    pub(crate) fn codes(&self, some: Range<usize>, found: &mut Vec<u32>) {
        found.clear();
        let Resolved::Codes { codes, values: Values::Strings { keys, .. }, .. } = self else { return };
        // A null's key is any.
        found.extend(keys.values()[some.clone()].iter().map(|&key| codes.get(key as usize).copied().unwrap_or(EMPTY)));
        if let Some(nulls) = keys.nulls().filter(|nulls| nulls.null_count() > 0) {
            let codes = found.iter_mut().zip(some).filter(|&(_, at)| nulls.is_null(at));
            codes.for_each(|(code, _)| *code = EMPTY);
        }
    }
}

/// What is known of a dictionary's values: per kind (long form) or one, the code of each.
#[derive(Default)]
pub(crate) struct Cache {
    values: Option<ArrayRef>,
    codes: Vec<Vec<u32>>,
    all: Option<Arc<Vec<u32>>>,
    lists: Option<bool>,
}

/// What texts were, where they are ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    Text,
    /// Floats, of which only whole numbers are ids.
    Floats,
}

/// One column of one batch.
pub(crate) enum Values {
    Strings { keys: PrimitiveArray<Int32Type>, values: BinaryArray, ids: Ids },
    Times { millis: PrimitiveArray<TimestampMillisecondType>, unit: Unit, local: bool },
    Numbers(PrimitiveArray<Int64Type>),
}

fn valid<T: arrow_array::ArrowPrimitiveType>(array: &PrimitiveArray<T>, at: usize) -> Option<T::Native> {
    array.is_valid(at).then(|| array.values()[at])
}

/// Whole numbers that came as floats, because some are missing; another float is no number of anything, -1.
fn whole_numbers(floats: &PrimitiveArray<Float64Type>) -> PrimitiveArray<Int64Type> {
    let whole = |float: f64| if float >= 0.0 && float.fract() == 0.0 { float as i64 } else { -1 };
    floats.iter().map(|float| float.filter(|float| !float.is_nan()).map(whole)).collect()
}

/// Floats as texts, whole numbers without a fraction as any other column has them (pandas, where some are missing). What is no
/// whole number, or larger than those of which a float has all, keeps a fraction or an exponent: two ids may have become one.
fn float_texts(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    let digits = match array.data_type() {
        DataType::Float16 => 11,
        DataType::Float32 => 24,
        _ => 53,
    };
    let largest = f64::from(digits).exp2();
    let text = |float: f64| {
        let is_whole = float.fract() == 0.0 && float.abs() <= largest;
        if is_whole { format!("{}", float as i64) } else { format!("{float:e}") }
    };
    let floats = arrow_cast::cast(array, &DataType::Float64)?;
    let floats = floats.as_primitive::<Float64Type>().iter();
    Ok(floats.map(|float| float.filter(|float| !float.is_nan()).map(text)).collect())
}

/// The texts of numbers that have a fraction in a column of decimals: whole ones without it, as any other column has them.
pub(crate) fn without_zeros(found: &DataType, texts: ArrayRef) -> ArrayRef {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    if !matches!(found, Decimal32(_, 1..) | Decimal64(_, 1..) | Decimal128(_, 1..) | Decimal256(_, 1..)) {
        return texts;
    }
    let digits = |text: &str| text[..whole(text.as_bytes()).len()].to_owned();
    Arc::new(texts.as_string::<i32>().iter().map(|text| text.map(digits)).collect::<StringArray>())
}

/// What a column of text is read as: bytes, for whoever wrote them may have written what is no UTF-8, and whoever passed it on may
/// have called it text all the same.
pub(crate) fn dictionary_of_bytes() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Binary))
}

/// Addresses that are no text as their text: 4 or 16 bytes, whole numbers of IPv4, and lists of hops with commas between; nothing
/// where a type is none of these. What can't be an address keeps a text that is none.
fn address_texts(array: &ArrayRef) -> Result<Option<ArrayRef>, ArrowError> {
    let of_bytes = |bytes: &[u8]| match *bytes {
        [a, b, c, d] => Ipv4Addr::new(a, b, c, d).to_string(),
        _ => {
            <[u8; 16]>::try_from(bytes).map_or_else(|_| format!("{} bytes", bytes.len()), |six| Ipv6Addr::from(six).to_string())
        }
    };
    let of_number =
        |number: &str| number.parse::<u32>().map_or_else(|_| number.to_owned(), |four| Ipv4Addr::from(four).to_string());
    let of_numbers = |numbers: &StringArray| numbers.iter().map(|number| number.map(of_number)).collect::<StringArray>();
    Ok(match array.data_type() {
        DataType::FixedSizeBinary(4 | 16) => {
            let bytes = array.as_fixed_size_binary();
            Some(Arc::new(bytes.iter().map(|bytes| bytes.map(of_bytes)).collect::<StringArray>()))
        }
        found if found.is_floating() => Some(Arc::new(of_numbers(&float_texts(array)?))),
        found if found.is_integer() || matches!(found, DataType::Decimal128(_, 0)) => {
            Some(Arc::new(of_numbers(arrow_cast::cast(array, &DataType::Utf8)?.as_string())))
        }
        DataType::List(hop) | DataType::LargeList(hop) | DataType::ListView(hop) if is_text(hop.data_type()) => {
            let lists = arrow_cast::cast(array, &DataType::List(Arc::new(Field::new("hop", DataType::Binary, true))))?;
            let texts = lists.as_list::<i32>().iter().map(|hops| hops.map(|hops| joined(hops.as_binary::<i32>().iter())));
            Some(Arc::new(texts.collect::<BinaryArray>()))
        }
        _ => None,
    })
}

/// Whether a column is one of texts or bytes, or a dictionary of these.
pub(crate) fn is_text(found: &DataType) -> bool {
    match found {
        DataType::Dictionary(_, values) => is_text(values),
        found => found.is_string() || matches!(found, DataType::Binary | DataType::LargeBinary | DataType::BinaryView),
    }
}

/// Hops as a header has them, without those that are missing.
pub(crate) fn joined<'h>(hops: impl Iterator<Item = Option<&'h [u8]>>) -> Vec<u8> {
    hops.flatten().filter(|hop| !hop.trim_ascii().is_empty()).collect::<Vec<&[u8]>>().join(&b", "[..])
}

impl Values {
    /// No rows.
    pub(crate) fn none() -> Values {
        Values::Numbers(PrimitiveArray::new_null(0))
    }

    /// The values of a decoded column; if it can't be read for what it is used for, its type.
    pub(crate) fn of(array: &ArrayRef, column: &LayoutColumn, cache: &mut Cache) -> Result<Values, String> {
        let unreadable = |_: ArrowError| array.data_type().to_string();
        let cast = |target: &DataType| arrow_cast::cast(array, target).map_err(unreadable);
        let usage = &column.usage;
        let (mut ids, mut made) = (Ids::Text, None);
        match array.data_type() {
            DataType::Timestamp(unit, zone) => {
                let local = zone.is_none();
                if *usage != Use::Time {
                    return Err(array.data_type().to_string());
                }
                let millis = match unit {
                    // A cast makes no time of what has more milliseconds than a number holds: such a row is bad, and not without a time.
                    TimeUnit::Second => array.as_primitive::<TimestampSecondType>().unary(|at| at.saturating_mul(1000)),
                    _ => {
                        let arrow = cast(&DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))?;
                        arrow.as_primitive::<TimestampMillisecondType>().clone()
                    }
                };
                let unit = match unit {
                    TimeUnit::Second => Unit::Seconds,
                    TimeUnit::Millisecond => Unit::Millis,
                    TimeUnit::Microsecond => Unit::Micros,
                    TimeUnit::Nanosecond => Unit::Nanos,
                };
                return Ok(Values::Times { millis, unit, local });
            }
            data_type if data_type.is_integer() && matches!(usage, Use::Time | Use::Status | Use::Requests | Use::Tokens) => {
                return Ok(Values::Numbers(cast(&DataType::Int64)?.as_primitive::<Int64Type>().clone()));
            }
            data_type if data_type.is_floating() && matches!(usage, Use::Status | Use::Requests | Use::Tokens) => {
                let floats = cast(&DataType::Float64)?;
                return Ok(Values::Numbers(whole_numbers(floats.as_primitive())));
            }
            // A day is its beginning, wherever the clocks are set.
            DataType::Date32 | DataType::Date64 if *usage == Use::Time => {
                let millis = match array.as_primitive_opt::<Date32Type>() {
                    Some(days) => days.unary(|day| i64::from(day) * DAY),
                    None => array.as_primitive::<Date64Type>().unary(|at| at.div_euclid(DAY).saturating_mul(DAY)),
                };
                return Ok(Values::Times { millis, unit: Unit::Rfc3339, local: true });
            }
            _ if column.addresses => made = address_texts(array).map_err(unreadable)?,
            data_type if data_type.is_floating() && matches!(usage, Use::Account | Use::Identifier(_)) => {
                (ids, made) = (Ids::Floats, Some(Arc::new(float_texts(array).map_err(unreadable)?) as ArrayRef));
            }
            data_type if data_type.is_floating() && *usage != Use::Time => return Err(data_type.to_string()),
            _ => {}
        }
        // Lists and records have a text that nobody means.
        if made.is_none() && array.data_type().is_nested() {
            return Err(array.data_type().to_string());
        }
        let target = dictionary_of_bytes();
        let strings = match made.as_ref().unwrap_or(array) {
            dictionary if *dictionary.data_type() == target => dictionary.clone(),
            texts if is_text(texts.data_type()) => arrow_cast::cast(texts, &target).map_err(unreadable)?,
            // A type that isn't text: its text.
            other => {
                let texts = without_zeros(other.data_type(), cast(&DataType::Utf8)?);
                arrow_cast::cast(&texts, &target).map_err(unreadable)?
            }
        };
        let dictionary: &DictionaryArray<Int32Type> = strings.as_dictionary();
        let values = dictionary.values();
        if !cache.values.as_ref().is_some_and(|known| Arc::ptr_eq(known, values)) {
            *cache = Cache { values: Some(values.clone()), ..Cache::default() };
        }
        Ok(Values::Strings { keys: dictionary.keys().clone(), values: values.as_binary::<i32>().clone(), ids })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Values::Strings { keys, .. } => keys.len(),
            Values::Times { millis, .. } => millis.len(),
            Values::Numbers(numbers) => numbers.len(),
        }
    }

    /// The codes of the dictionary's entries, found once, all of them together.
    pub(crate) fn dictionary(&self, cache: &mut Cache, session: &Session<'_>, role: Role) -> Arc<Vec<u32>> {
        let Values::Strings { values, ids, .. } = self else { return Arc::default() };
        let is_id = |value: &[u8]| *ids == Ids::Text || !value.iter().any(|byte| b"e.i".contains(byte));
        let codes = cache.all.get_or_insert_with(|| {
            let texts = values.iter().map(|value| value.filter(|value| is_id(value)).unwrap_or_default());
            let mut codes = session.resolve_all(role, texts);
            for (code, _) in codes.iter_mut().zip(values).filter(|(_, value)| value.is_some_and(|value| !is_id(value))) {
                *code = rejected(Reason::FractionalId);
            }
            Arc::new(codes)
        });
        codes.clone()
    }

    /// Whether one of the dictionary's entries is a list of hops.
    pub(crate) fn has_lists(&self, cache: &mut Cache) -> bool {
        let Values::Strings { values, .. } = self else { return false };
        *cache.lists.get_or_insert_with(|| values.iter().flatten().any(is_list))
    }

    /// The code of one row's value, of a kind that only the row knows.
    pub(crate) fn code(&self, at: usize, cache: &mut Cache, slot: usize, session: &Session<'_>, role: Role) -> u32 {
        let Values::Strings { keys, values, .. } = self else { return EMPTY };
        let Some(key) = valid(keys, at).and_then(|key| usize::try_from(key).ok()) else { return EMPTY };
        if cache.codes.len() <= slot {
            cache.codes.resize_with(slot + 1, Vec::new);
        }
        let codes = &mut cache.codes[slot];
        if codes.is_empty() {
            codes.resize(values.len(), UNRESOLVED);
        }
        if codes[key] == UNRESOLVED {
            let raw = if values.is_null(key) { b"" } else { values.value(key) };
            codes[key] = session.resolve(role, raw);
        }
        codes[key]
    }

    /// The time of a row, if it has one.
    pub(crate) fn time(&self, at: usize, zone: &Zone) -> Result<Option<(i64, Unit)>, Reason> {
        match self {
            Values::Times { millis, unit, local } => {
                match valid(millis, at).map(|millis| if *local { zone.of_local(millis) } else { millis }) {
                    None => Ok(None),
                    Some(millis) if millis < 946_684_800_000 => Err(Reason::AncientTime),
                    Some(millis) if millis >= 4_102_444_800_000 => Err(Reason::FutureTime),
                    Some(millis) => Ok(Some((millis, *unit))),
                }
            }
            Values::Numbers(numbers) => valid(numbers, at).map(time::epoch).transpose(),
            Values::Strings { .. } => time::parse(self.raw(at), zone),
        }
    }

    /// The count of a row.
    pub(crate) fn count(&self, at: usize) -> Cell {
        match self {
            Values::Numbers(numbers) => requests_number(valid(numbers, at)),
            _ => requests(self.raw(at)),
        }
    }

    /// The tokens of a row.
    pub(crate) fn tokens(&self, at: usize) -> Cell {
        match self {
            Values::Numbers(numbers) => tokens_number(valid(numbers, at)),
            _ => tokens(self.raw(at)),
        }
    }

    /// The status of a row.
    pub(crate) fn status(&self, at: usize) -> Cell {
        match self {
            Values::Numbers(numbers) => status_number(valid(numbers, at)),
            _ => status(self.raw(at)),
        }
    }

    fn raw(&self, at: usize) -> &[u8] {
        match self {
            Values::Strings { keys, values, .. } => match valid(keys, at).and_then(|key| usize::try_from(key).ok()) {
                Some(key) if !values.is_null(key) => values.value(key),
                _ => b"",
            },
            _ => b"",
        }
    }
}
