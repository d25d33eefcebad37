//! `DynamoDB`'s operations on items, by which a function is allowed to use a table.

/// An operation that IAM knows an action of the same name for (Service Authorization Reference, Amazon DynamoDB). Transactions are allowed by
/// the operations that they are made of.
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

    /// Returns the name, as `DynamoDB` writes it.
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

    /// Tests whether it can be sent to an index.
    pub fn takes_index(self) -> bool {
        matches!(self, Self::Query | Self::Scan)
    }
}
