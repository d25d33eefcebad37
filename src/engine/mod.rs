//! Turns a graph of declared resources into the same graph in the cloud. Knows no cloud API.
