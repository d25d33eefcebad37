//! `DynamoDB`'s operations on items, which a function's permissions name.

/// An operation with an IAM action of the same name (Service Authorization Reference, Amazon DynamoDB). Transactions are allowed by the operations
/// that they consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named as DynamoDB names it")]
pub enum Operation {
    BatchGetItem,
    BatchWriteItem,
    ConditionCheckItem,
    DeleteItem,
    GetItem,
    PutItem,
    Query,
    Scan,
    UpdateItem,
}

impl Operation {
    /// Operations that read, by name.
    pub const READS: [Self; 5] = [Self::BatchGetItem, Self::ConditionCheckItem, Self::GetItem, Self::Query, Self::Scan];
    /// Operations that write, by name.
    pub const WRITES: [Self; 4] = [Self::BatchWriteItem, Self::DeleteItem, Self::PutItem, Self::UpdateItem];

    /// Returns the name in `DynamoDB`'s spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BatchGetItem => "BatchGetItem",
            Self::BatchWriteItem => "BatchWriteItem",
            Self::ConditionCheckItem => "ConditionCheckItem",
            Self::DeleteItem => "DeleteItem",
            Self::GetItem => "GetItem",
            Self::PutItem => "PutItem",
            Self::Query => "Query",
            Self::Scan => "Scan",
            Self::UpdateItem => "UpdateItem",
        }
    }

    /// Finds an operation by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::READS.into_iter().chain(Self::WRITES).find(|operation| operation.as_str() == name)
    }

    /// Tests whether the operation works on indexes.
    pub fn takes_index(self) -> bool {
        matches!(self, Self::Query | Self::Scan)
    }
}
