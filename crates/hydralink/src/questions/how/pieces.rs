//! Into what does a network fall without one identifier, for many identifiers?
//!
//! Everything that no question touches is joined once. Then the questions are halved again and again: what the other half
//! leaves out is joined for all of this half, so that an identifier is joined once a level instead of once a question.
//!
//! Cost: O((R + T log Q + Q G) α), with R the entries of all rows, Q the questions, T the entries of the identifiers that they
//! leave out, and G the entries of members that are gone in any.

use petgraph::unionfind::UnionFind;

/// One question.
pub(super) struct LeftOut {
    /// The identifier that isn't there.
    pub(super) place: u32,
    /// Positions of the members that don't stay without it, ascending.
    pub(super) gone: Vec<u32>,
}

/// For each question the sizes of the components, two and more, that the members that stay form over the other identifiers; largest
/// first. `rows` hold, by position of the member, identifiers below `identifiers`; no identifier is left out twice.
pub(super) fn pieces(rows: &[Vec<u32>], identifiers: usize, questions: &[LeftOut]) -> Vec<Vec<u64>> {
    let mut question_of = vec![u32::MAX; identifiers];
    let mut goes = vec![false; rows.len()];
    for (at, question) in questions.iter().enumerate() {
        question_of[question.place as usize] = at as u32;
        question.gone.iter().for_each(|&position| goes[position as usize] = true);
    }
    let mut base = Joined { groups: UnionFind::new(rows.len()), first: vec![u32::MAX; identifiers] };
    let mut touched: Vec<Vec<u32>> = vec![Vec::new(); questions.len()];
    for position in (0..rows.len() as u32).filter(|&position| !goes[position as usize]) {
        for &place in &rows[position as usize] {
            match question_of[place as usize] {
                u32::MAX => base.join(position, place),
                question => touched[question as usize].push(position),
            }
        }
    }
    let leaving: Vec<u32> = (0..rows.len() as u32).filter(|&position| goes[position as usize]).collect();
    Asked { rows, questions, touched: &touched, leaving: &leaving }.answer(0, questions.len(), base)
}

/// Members that are joined over identifiers.
#[derive(Clone)]
struct Joined {
    groups: UnionFind<u32>,
    /// By identifier: a member that it has joined.
    first: Vec<u32>,
}

impl Joined {
    fn join(&mut self, position: u32, place: u32) {
        let first = &mut self.first[place as usize];
        if *first == u32::MAX {
            *first = position;
        } else {
            self.groups.union(*first, position);
        }
    }
}

struct Asked<'r> {
    rows: &'r [Vec<u32>],
    questions: &'r [LeftOut],
    /// By question: the members, of those that never go, that have its identifier.
    touched: &'r [Vec<u32>],
    /// Members that go in some question.
    leaving: &'r [u32],
}

impl Asked<'_> {
    /// The answers to a range of questions; `joined` holds all that none of them leaves out, but for the members that leave.
    fn answer(&self, start: usize, end: usize, mut joined: Joined) -> Vec<Vec<u64>> {
        match end - start {
            0 => Vec::new(),
            1 => vec![self.leaf(&self.questions[start], &mut joined)],
            count => {
                let middle = start + count / 2;
                let mut other = joined.clone();
                self.join_all(middle..end, &mut joined);
                self.join_all(start..middle, &mut other);
                let (mut left, mut right) =
                    rayon::join(|| self.answer(start, middle, joined), || self.answer(middle, end, other));
                left.append(&mut right);
                left
            }
        }
    }

    fn join_all(&self, questions: std::ops::Range<usize>, joined: &mut Joined) {
        for question in questions {
            self.touched[question].iter().for_each(|&position| joined.join(position, self.questions[question].place));
        }
    }

    fn leaf(&self, question: &LeftOut, joined: &mut Joined) -> Vec<u64> {
        let stays = |position: &u32| question.gone.binary_search(position).is_err();
        for &position in self.leaving.iter().filter(|position| stays(position)) {
            let others = self.rows[position as usize].iter().filter(|&&place| place != question.place);
            others.for_each(|&place| joined.join(position, place));
        }
        let mut sizes = vec![0u64; self.rows.len()];
        let all = 0..self.rows.len() as u32;
        all.filter(stays).for_each(|position| sizes[joined.groups.find_mut(position) as usize] += 1);
        sizes.retain(|&size| size > 1);
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_its_bridge_a_network_falls_into_two_pieces() {
        // Members 0-1 share 10, 2-3 share 11, all share 12.
        let rows = vec![vec![10, 12], vec![10, 12], vec![11, 12], vec![11, 12]];
        let questions = [(12, vec![]), (10, vec![]), (11, vec![0, 1, 2])].map(|(place, gone)| LeftOut { place, gone });
        assert_eq!(pieces(&rows, 13, &questions), [vec![2, 2], vec![4], vec![]]);
        assert!(pieces(&rows, 13, &[]).is_empty());
    }

    proptest! {
        /// Against a flood fill over members that share an identifier, question by question.
        #[test]
        fn pieces_are_components(
            rows in proptest::collection::vec(proptest::collection::btree_set(0u32..6, 0..3), 1..8),
            gone in proptest::collection::vec(proptest::collection::btree_set(0u32..8, 0..3), 0..6),
        ) {
            let rows: Vec<Vec<u32>> = rows.into_iter().map(|row| row.into_iter().collect()).collect();
            let gone = gone.into_iter().map(|gone| gone.into_iter().filter(|&position| (position as usize) < rows.len()).collect());
            let questions: Vec<LeftOut> = gone.zip(0u32..).map(|(gone, place)| LeftOut { place, gone }).collect();
            let mut expected = Vec::new();
            for LeftOut { place, gone } in &questions {
                let linked = |a: usize, b: usize| rows[a].iter().any(|id| id != place && rows[b].contains(id));
                let mut seen: Vec<bool> = (0..rows.len() as u32).map(|position| gone.contains(&position)).collect();
                let mut sizes = Vec::new();
                for start in 0..rows.len() {
                    let (mut open, mut size) = (vec![start], 0u64);
                    while let Some(at) = open.pop() {
                        if !std::mem::replace(&mut seen[at], true) {
                            size += 1;
                            open.extend((0..rows.len()).filter(|&other| linked(at, other)));
                        }
                    }
                    sizes.extend(Some(size).filter(|&size| size > 1));
                }
                sizes.sort_unstable_by(|a, b| b.cmp(a));
                expected.push(sizes);
            }
            prop_assert_eq!(pieces(&rows, 6, &questions), expected);
        }
    }
}
