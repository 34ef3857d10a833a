//! In what manner was something done: with which model, for which capability, with which status?
//!
//! Few of all combinations occur, so an event has the number of one ([`Manners`]) instead of all three: 22 bits of it in its record,
//! and what more it takes beside ([`crate::gather`]), where somebody makes combinations up. A reader of rows asks for numbers
//! through [`Recent`], which remembers what was asked last and counts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use graph::build::LONG_STATUS;
use graph::{NONE_U16, NONE_U32};

use crate::gather::Present;
use crate::labels::Chosen;

/// Bits of a manner's number that an event's record has.
pub(crate) const BITS: u32 = 22;

/// The number that says that there are too many.
pub(crate) const TOO_MANY: u32 = u32::MAX;

/// What of a manner's number an event's record has no room for.
pub(crate) fn beyond(number: u32) -> u16 {
    (number >> BITS) as u16
}

/// Provisional model and capability, or `NONE_U32`, and status as a [`graph::build::Moment`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Manner {
    pub(crate) model: u32,
    pub(crate) capability: u32,
    pub(crate) status: u16,
}

impl Manner {
    /// Of which nothing is known.
    pub(crate) const NONE: Manner = Manner { model: NONE_U32, capability: NONE_U32, status: NONE_U16 };
}

/// The same with the numbers that models and capabilities have in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) model: u16,
    pub(crate) capability: u16,
    pub(crate) status: u16,
}

impl Settled {
    pub(crate) fn of(manner: &Manner, models: &Chosen, capabilities: &Chosen) -> Self {
        let &Manner { model, capability, status } = manner;
        Settled { model: models.new_of(model), capability: capabilities.new_of(capability), status }
    }
}

/// Manners that occur, with numbers that depend on timing.
#[derive(Default)]
pub(crate) struct Manners(Mutex<Known>);

#[derive(Default)]
struct Known {
    numbers: HashMap<Manner, u32, ahash::RandomState>,
    /// By number, with the events that have it.
    list: Vec<(Manner, u64)>,
}

impl Manners {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a manner. Takes note of events of another one.
    fn intern(&self, manner: Manner, (other, events): (u32, u32)) -> u32 {
        let mut guard = self.lock();
        let Known { numbers, list } = &mut *guard;
        if let Some((_, known)) = list.get_mut(other as usize) {
            *known += u64::from(events);
        }
        if list.len() >= TOO_MANY as usize && !numbers.contains_key(&manner) {
            return TOO_MANY;
        }
        *numbers.entry(manner).or_insert_with(|| {
            list.push((manner, 0));
            list.len() as u32 - 1
        })
    }

    /// All, by number, each with its events.
    pub(crate) fn all(&self) -> Vec<(Manner, u64)> {
        self.lock().list.clone()
    }

    /// Bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        let known = self.lock();
        known.list.capacity() * size_of::<(Manner, u64)>() + known.numbers.capacity() * size_of::<(Manner, u32)>()
    }
}

/// Notes of which columns manners say anything.
pub(crate) fn note(manners: &[Settled], present: &mut Present) {
    for manner in manners {
        let long = manner.status == LONG_STATUS;
        present.model |= manner.model != NONE_U16;
        present.capability |= manner.capability != NONE_U16;
        present.status |= manner.status != NONE_U16 && !long;
        present.long |= long;
    }
}

/// Numbers that one thread asked for lately: a direct-mapped cache.
#[derive(Default)]
pub(crate) struct Recent(Vec<Asked>);

/// A manner that was asked for, and in how many events since.
#[derive(Clone, Copy)]
struct Asked {
    manner: Manner,
    number: u32,
    events: u32,
}

impl Recent {
    const PLACES: u32 = 10;

    /// The number of the manner of an event that counts.
    #[inline]
    pub(crate) fn number(&mut self, manners: &Manners, manner: Manner) -> u32 {
        if self.0.is_empty() {
            self.0 = vec![Asked { manner: Manner::NONE, number: TOO_MANY, events: 0 }; 1 << Self::PLACES];
        }
        let key = u64::from(manner.model) << 32 ^ u64::from(manner.capability) << 16 ^ u64::from(manner.status);
        // Multiplicative hashing (Knuth).
        let place = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - Self::PLACES);
        let known = &mut self.0[place as usize];
        if known.manner != manner || known.number == TOO_MANY || known.events == u32::MAX {
            let number = manners.intern(manner, (known.number, known.events));
            *known = Asked { manner, number, events: 0 };
        }
        known.events += 1;
        known.number
    }

    /// To be called at the end: hands on how many events were asked for.
    pub(crate) fn finish(&mut self, manners: &Manners) {
        let mut known = manners.lock();
        for Asked { number, events, .. } in std::mem::take(&mut self.0) {
            if let Some((_, all)) = known.list.get_mut(number as usize) {
                *all += u64::from(events);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manner_keeps_its_number_and_counts_its_events() {
        let (manners, mut one, mut other) = (Manners::default(), Recent::default(), Recent::default());
        let manner = |at: u32| Manner { model: at % 7, capability: at % 11, status: 200 + (at % 40) as u16 };
        let numbers: Vec<u32> = (0..4000).map(|at| one.number(&manners, manner(at))).collect();
        assert_eq!(one.number(&manners, Manner::NONE), 7 * 11 * 40);
        assert!((0..4000).rev().all(|at| other.number(&manners, manner(at)) == numbers[at as usize]));
        one.finish(&manners);
        other.finish(&manners);
        let all = manners.all();
        assert_eq!((all.len(), all[7 * 11 * 40]), (7 * 11 * 40 + 1, (Manner::NONE, 1)));
        assert!((0..4000u32).zip(&numbers).all(|(at, &number)| all[number as usize].0 == manner(at)));
        assert_eq!(all.iter().map(|(_, events)| events).sum::<u64>(), 8001);
        // 4,000 rows of 3,080 manners: the first 920 come twice, and all are asked for by both.
        assert_eq!((all[0].1, all[1000].1), (4, 2));
    }
}
