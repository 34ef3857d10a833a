//! Who starts on a template, and who is followed?
//!
//! An account *starts* with a request if it didn't ask with the template, rejected or not, in the last window's length. A request
//! is *followed* where another account starts on its template later, but within the window, and isn't rejected. Two modules ask:
//!
//! * `behaviour::one_queue`, whether rejections of members are followed more often than their other requests. There a start follows
//!   whatever it comes after.
//! * `handed_on`, who took over whose rejection, among all accounts. There a start follows one rejection ([`Open`]).
//!
//! Cost: O(1) for a request, and O(log starts) for a question.

use std::collections::HashMap;

/// When each was asked last, of one account by template, or of one template by account.
pub(crate) struct Busy {
    last: HashMap<u32, i64>,
    window: i64,
}

impl Busy {
    /// Nobody asked. `window`: in milliseconds.
    pub(crate) fn new(window: i64) -> Busy {
        Busy { last: HashMap::new(), window }
    }

    /// Notes a request, after all that are earlier, and whether its account starts with it.
    pub(crate) fn starts(&mut self, of: u32, time: i64) -> bool {
        self.last.insert(of, time).is_none_or(|before| time - before > self.window)
    }

    /// Forgets what was noted.
    pub(crate) fn clear(&mut self) {
        self.last.clear();
    }
}

/// A request that an account starts with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) time: i64,
    pub(crate) account: u32,
    pub(crate) rejected: bool,
}

/// Who starts on one template, in order of time.
pub(crate) struct Starts(Vec<Start>);

impl Starts {
    /// `starts`: in order of time.
    pub(crate) fn new(starts: Vec<Start>) -> Starts {
        Starts(starts)
    }

    /// Whose the start at a place is.
    pub(crate) fn account(&self, at: usize) -> u32 {
        self.0[at].account
    }

    /// The place of the first start that follows a request at this time. `open`: the first place from one on whose start may.
    pub(crate) fn follower(&self, account: u32, time: i64, window: i64, mut open: impl FnMut(usize) -> usize) -> Option<usize> {
        let (mut at, end) = (open(self.until(time)), self.until(time + window));
        // An account starts once in the window's length.
        while at < end && self.account(at) == account {
            at = open(at + 1);
        }
        (at < end).then_some(at)
    }

    /// How many come no later than this.
    fn until(&self, time: i64) -> usize {
        self.0.partition_point(|start| start.time <= time)
    }
}

/// How many start on one template beside each account.
pub(crate) struct Others<'a> {
    starts: &'a Starts,
    /// By account, then time.
    own: Vec<(u32, i64)>,
}

impl<'a> Others<'a> {
    pub(crate) fn of(starts: &'a Starts) -> Others<'a> {
        let mut own: Vec<(u32, i64)> = starts.0.iter().map(|start| (start.account, start.time)).collect();
        own.sort_unstable();
        Others { starts, own }
    }

    /// How many starts of other accounts come later than the one time, and no later than the other.
    pub(crate) fn count(&self, account: u32, from: i64, to: i64) -> usize {
        let own_until = |time: i64| self.own.partition_point(|&start| start <= (account, time));
        let all = self.starts.until(to).saturating_sub(self.starts.until(from));
        all - own_until(to).saturating_sub(own_until(from))
    }
}

/// The starts that may still take a rejection over: none that was rejected itself, and each once.
pub(crate) struct Open {
    /// From each start to itself, or to one further on; past the last, to itself.
    next: Vec<usize>,
}

impl Open {
    pub(crate) fn new(starts: &Starts) -> Open {
        let next = starts.0.iter().enumerate().map(|(at, start)| if start.rejected { at + 1 } else { at });
        Open { next: next.chain([starts.0.len()]).collect() }
    }

    pub(crate) fn close(&mut self, at: usize) {
        self.next[at] = at + 1;
    }

    /// Halves the way that it goes, so that a flood of closed ones is crossed once (Tarjan & van Leeuwen 1984).
    pub(crate) fn at_or_after(&mut self, mut at: usize) -> usize {
        while self.next[at] != at {
            self.next[at] = self.next[self.next[at]];
            at = self.next[at];
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accounts 1, 2 and 3 at 0, 5, 5 and 30, and 2 rejected at 12.
    fn starts() -> Starts {
        let start = |(time, account, rejected)| Start { time, account, rejected };
        Starts::new([(0, 1, false), (5, 2, false), (5, 3, false), (12, 2, true), (30, 1, false)].map(start).to_vec())
    }

    #[test]
    fn to_start_is_not_to_have_asked_within_the_window() {
        let mut busy = Busy::new(10);
        let asked = [(7, 0), (7, 10), (7, 20), (8, 20), (7, 31), (7, 31)];
        assert_eq!(asked.map(|(of, time)| busy.starts(of, time)), [true, false, false, true, true, false]);
        busy.clear();
        assert!(busy.starts(7, 32));
    }

    #[test]
    fn another_account_follows_later_but_within_the_window() {
        let starts = starts();
        let follower = |account, time| starts.follower(account, time, 10, |at| at);
        assert_eq!([follower(1, 0), follower(2, 0), follower(1, 5), follower(3, 20)], [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!([follower(1, 20), follower(9, 30), follower(9, -11)], [None, None, None]);
    }

    #[test]
    fn an_open_start_takes_over_once() {
        let starts = starts();
        let mut open = Open::new(&starts);
        let mut next = |time| {
            let at = starts.follower(1, time, 10, |at| open.at_or_after(at));
            at.inspect(|&at| open.close(at))
        };
        assert_eq!([next(0), next(0), next(0), next(2)], [Some(1), Some(2), None, None]);
    }

    #[test]
    fn others_are_all_but_oneself() {
        let starts = starts();
        let others = Others::of(&starts);
        assert_eq!(
            [others.count(2, -1, 30), others.count(2, 0, 12), others.count(9, 0, 12), others.count(1, 12, 0)],
            [3, 1, 3, 0]
        );
    }
}
