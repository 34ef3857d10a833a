//! One column of one batch of Parquet: its values as they were decoded, and what is known of them without the other columns.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType, TimestampSecondType};
use arrow_array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, StringArray};
use arrow_schema::{DataType, TimeUnit};

use crate::normalise::Reason;
use crate::normalise::forwarded::is_list;
use crate::normalise::time::{self, Unit, Zone};
use crate::rows::{Cell, requests, requests_number, status, status_number, tokens, tokens_number};
use crate::schema::Use;
use crate::session::{EMPTY, Role, Session};

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

/// One column of one batch.
pub(crate) enum Values {
    Strings { keys: PrimitiveArray<Int32Type>, values: StringArray },
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

impl Values {
    /// No rows.
    pub(crate) fn none() -> Values {
        Values::Numbers(PrimitiveArray::new_null(0))
    }

    /// The values of a decoded column; if it can't be read for what it is used for, its type.
    pub(crate) fn of(array: &ArrayRef, usage: &Use, cache: &mut Cache) -> Result<Values, String> {
        let cast = |target: &DataType| arrow_cast::cast(array, target).map_err(|_| array.data_type().to_string());
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
            // A day is no time, and lists and records have a text that nobody means.
            data_type @ (DataType::Date32 | DataType::Date64) if *usage == Use::Time => return Err(data_type.to_string()),
            data_type if data_type.is_nested() => return Err(data_type.to_string()),
            // Whole numbers with gaps come as floats from pandas.
            data_type if data_type.is_floating() && *usage != Use::Time => return Err(data_type.to_string()),
            _ => {}
        }
        let target = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let strings = if *array.data_type() == target {
            array.clone()
        } else {
            // A type that isn't text (numbers, views, large text): its text, gathered into a dictionary.
            let text = cast(&DataType::Utf8)?;
            arrow_cast::cast(&text, &target).map_err(|_| array.data_type().to_string())?
        };
        let dictionary: &DictionaryArray<Int32Type> = strings.as_dictionary();
        let values = dictionary.values();
        if !cache.values.as_ref().is_some_and(|known| Arc::ptr_eq(known, values)) {
            *cache = Cache { values: Some(values.clone()), ..Cache::default() };
        }
        Ok(Values::Strings { keys: dictionary.keys().clone(), values: values.as_string::<i32>().clone() })
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
        let Values::Strings { values, .. } = self else { return Arc::default() };
        let codes = cache.all.get_or_insert_with(|| {
            Arc::new(session.resolve_all(role, values.iter().map(|value| value.map_or(&b""[..], str::as_bytes))))
        });
        codes.clone()
    }

    /// Whether one of the dictionary's entries is a list of hops.
    pub(crate) fn has_lists(&self, cache: &mut Cache) -> bool {
        let Values::Strings { values, .. } = self else { return false };
        *cache.lists.get_or_insert_with(|| values.iter().flatten().any(|value| is_list(value.as_bytes())))
    }

    /// The code of one row's value, of a kind that only the row knows.
    pub(crate) fn code(&self, at: usize, cache: &mut Cache, slot: usize, session: &Session<'_>, role: Role) -> u32 {
        let Values::Strings { keys, values } = self else { return EMPTY };
        let Some(key) = valid(keys, at).and_then(|key| usize::try_from(key).ok()) else { return EMPTY };
        if cache.codes.len() <= slot {
            cache.codes.resize_with(slot + 1, Vec::new);
        }
        let codes = &mut cache.codes[slot];
        if codes.is_empty() {
            codes.resize(values.len(), UNRESOLVED);
        }
        if codes[key] == UNRESOLVED {
            let raw = if values.is_null(key) { b"" } else { values.value(key).as_bytes() };
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
            Values::Strings { keys, values } => match valid(keys, at).and_then(|key| usize::try_from(key).ok()) {
                Some(key) if !values.is_null(key) => values.value(key).as_bytes(),
                _ => b"",
            },
            _ => b"",
        }
    }
}
