//! In what manner was something done: with which model, for which capability, with which status?
//!
//! Few of all combinations occur, so an event has the number of one ([`Manners`]) in 22 bits instead of three times 16. A reader
//! of rows asks for numbers through [`Recent`], which remembers what was asked last.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use graph::NONE_U16;
use graph::build::LONG_STATUS;

use crate::gather::Present;

/// Bits of a manner's number.
pub(crate) const BITS: u32 = 22;

/// The number that says that there are too many.
pub(crate) const TOO_MANY: u32 = (1 << BITS) - 1;

/// Provisional model and capability, or `NONE_U16`, and status as a [`graph::build::Moment`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Manner {
    pub(crate) model: u16,
    pub(crate) capability: u16,
    pub(crate) status: u16,
}

/// Manners that occur, with numbers that depend on timing.
#[derive(Default)]
pub(crate) struct Manners(Mutex<(HashMap<Manner, u32>, Vec<Manner>)>);

impl Manners {
    fn intern(&self, manner: Manner) -> u32 {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (numbers, list) = &mut *guard;
        if list.len() >= TOO_MANY as usize && !numbers.contains_key(&manner) {
            return TOO_MANY;
        }
        *numbers.entry(manner).or_insert_with(|| {
            list.push(manner);
            list.len() as u32 - 1
        })
    }

    /// All, by number.
    pub(crate) fn all(&self) -> Vec<Manner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}

/// Notes of which columns manners say anything.
pub(crate) fn note(manners: &[Manner], present: &mut Present) {
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
pub(crate) struct Recent(Vec<(u64, u32)>);

impl Recent {
    const PLACES: u32 = 10;

    /// The number of a manner of an event that counts.
    #[inline]
    pub(crate) fn number(&mut self, manners: &Manners, manner: Manner) -> u32 {
        if self.0.is_empty() {
            self.0 = vec![(u64::MAX, TOO_MANY); 1 << Self::PLACES];
        }
        let key = u64::from(manner.model) << 32 | u64::from(manner.capability) << 16 | u64::from(manner.status);
        // Multiplicative hashing (Knuth).
        let place = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - Self::PLACES);
        let known = &mut self.0[place as usize];
        if known.0 != key {
            *known = (key, manners.intern(manner));
        }
        known.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manner_keeps_its_number() {
        let (manners, mut one, mut other) = (Manners::default(), Recent::default(), Recent::default());
        let manner = |at: u16| Manner { model: at % 7, capability: at % 11, status: 200 + at % 40 };
        let numbers: Vec<u32> = (0..4000).map(|at| one.number(&manners, manner(at))).collect();
        let all = manners.all();
        assert_eq!(all.len(), 7 * 11 * 40);
        assert!((0..4000u16).zip(&numbers).all(|(at, &number)| all[number as usize] == manner(at)));
        assert!((0..4000u16).rev().all(|at| other.number(&manners, manner(at)) == numbers[usize::from(at)]));
    }
}
