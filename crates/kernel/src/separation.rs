//! Steps of one piece of work that one person does not take together (不相容职责分离): the words of the table in the rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody did earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Earlier {
    /// 发现: found it, or wrote down what others found.
    Discover,
    /// 处置: said that the work is done, or that it cannot be done.
    Dispose,
    /// 核查: checked on site, the last time.
    Verify,
    /// 回访: wrote down what the finder says of the answer, the last time.
    Hear,
    /// 申请退单: asked for the return of the order.
    RequestReturn,
    /// 不予立案: refused to file it, the last time.
    RefuseFiling,
}

/// What somebody is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Later {
    /// 作废: end it as no issue.
    Void,
    /// 核查: check on site.
    Verify,
    /// 回访: write down what the finder says of the answer.
    Hear,
    /// 退单审核: decide on the return of the order.
    DecideReturn,
    /// 结案: close it.
    Close,
    /// 特批结案: close it against the finder or a review, with a reason.
    Override,
}

/// Two steps that one person does not take together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incompatible {
    /// Whoever did this …
    pub earlier: Earlier,
    /// … does not do this.
    pub later: Later,
}

impl Earlier {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Discover, Self::Dispose, Self::Verify, Self::Hear, Self::RequestReturn, Self::RefuseFiling];

    /// What was done, for a sentence that begins with the person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discovered",
            Self::Dispose => "disposed",
            Self::Verify => "verified",
            Self::Hear => "wrote down the answer of the finder",
            Self::RequestReturn => "asked for the return",
            Self::RefuseFiling => "refused to file",
        }
    }
}

impl Later {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Void, Self::Verify, Self::Hear, Self::DecideReturn, Self::Close, Self::Override];

    /// What is to be done, for a sentence that begins with the person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Void => "void",
            Self::Verify => "verify",
            Self::Hear => "write down the answer of the finder",
            Self::DecideReturn => "decide on the return",
            Self::Close => "close",
            Self::Override => "close against the finder or a review",
        }
    }
}

/// The table that holds where the rules have none.
pub const INCOMPATIBLE: &[Incompatible] = &[
    Incompatible { earlier: Earlier::Discover, later: Later::Void },
    Incompatible { earlier: Earlier::Dispose, later: Later::Verify },
    Incompatible { earlier: Earlier::Dispose, later: Later::Close },
    Incompatible { earlier: Earlier::Dispose, later: Later::Override },
    Incompatible { earlier: Earlier::Verify, later: Later::Close },
    Incompatible { earlier: Earlier::Verify, later: Later::Override },
    Incompatible { earlier: Earlier::Hear, later: Later::Close },
    Incompatible { earlier: Earlier::Hear, later: Later::Override },
    Incompatible { earlier: Earlier::RequestReturn, later: Later::DecideReturn },
];
