//! What a mined template says.

use graph::IdentifierId;

use super::Dataset;

impl Dataset {
    /// The skeleton of a template that was mined from prompts: its text with everything particular masked, at most its first 1,000
    /// characters. `None` for every other identifier, and where the level of showing hides skeletons. O(log templates).
    pub fn skeleton_of(&self, identifier: IdentifierId) -> Option<&str> {
        let skeletons = &self.tables().skeletons;
        let at = skeletons.binary_search_by_key(&identifier.0, |&(template, ..)| template).ok()?;
        let skeleton = Some(skeletons[at].1.as_str());
        skeleton.filter(|skeleton| self.naming().shows_skeletons() && !skeleton.is_empty())
    }
}
