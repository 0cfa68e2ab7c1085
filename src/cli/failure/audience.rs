//! What to do about an audience that cannot be addressed.

use super::Failure;
use crate::audience::AudienceError;
use crate::domain::matter::Unfit;
use crate::domain::notice::State;

impl From<AudienceError> for Failure {
    fn from(error: AudienceError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            AudienceError::Store(error) => error.into(),
            AudienceError::NoCustomers => failure.hint("`besked customers import FILE` imports customers"),
            AudienceError::Empty { .. } => failure.hint(
                "`besked customers list` lists the customers, and `customers import FILE` brings more; check `[audience]`",
            ),
            AudienceError::AllLeft { .. } => failure.hint(
                "name those that must still be informed in `[audience] customers`, or set `include_left = true` for a breach \
                 or an agreement change",
            ),
            AudienceError::NobodyToAddress { .. } => {
                failure.hint("import contacts with the roles that the category addresses")
            }
            AudienceError::Unknown(_) => failure.hint(
                "check the account ids, or import the customers first; `besked customers show ID` shows whether one has left",
            ),
            AudienceError::Missing(_) => failure.hint("import the values, or write the notice without the placeholder"),
            AudienceError::OfExample { .. } => failure.hint("set these keys in the configuration; `besked config check` lists what is left"),
            AudienceError::FollowsNothing => failure.hint("add an [audience], or `follows`"),
            AudienceError::SecondPerson { .. } => failure.hint(
                "edit it, submit it again, and let another person approve it: `besked notice approve ID --as NAME`",
            ),
            AudienceError::NotReleased(State::Releasing) => failure.hint(
                "the dispatcher retries this release after that one is complete; `besked notice cancel ID` stops it",
            ),
            AudienceError::NotReleased(_) => {
                failure.hint("release that one first, or write an [audience] for this one")
            }
            AudienceError::Unfit(Unfit::OtherCategory { .. }) => failure.hint(
                "leave `follows` out: it is then a matter of its own, with an [audience] of its own",
            ),
            AudienceError::Unfit(Unfit::Overtaken { id, .. }) => {
                failure.hint(format!("read it, and let this one follow it (`follows = \"{id}\"`), if it still applies"))
            }
            AudienceError::Unfit(_) => failure,
            AudienceError::NobodyTold => {
                failure.hint("`besked notice cancel ID` cancels the notice itself: what is queued of it is not sent")
            }
            AudienceError::Lost | AudienceError::Incomplete | AudienceError::Erased => {
                failure.hint("run it again; `besked notice show ID` shows how far it is")
            }
            AudienceError::Spool(_) => failure.hint("`TMPDIR` names another directory for temporary files"),
        }
    }
}
