//! Control messages, invite links, ids and limits: bytes to types and back.
