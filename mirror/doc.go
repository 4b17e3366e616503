// Package mirror keeps two mail repositories alike. It holds the domain types,
// the Repository and Mailbox interfaces that a side implements, the State
// interface that remembers what was paired, the pure planner and the executor
// that carries a plan out.
//
// Sides report views and capabilities as data and carry out actions; they
// decide nothing. The planner decides; it sees no context, clock, file,
// network or randomness, so the same input gives the same sorted plan.
//
// Invariants, each guarded by a test (docs/ARCHITECTURE.md lists them with the
// order of writes):
//
//   - a message is copied only after an intent for it is durable;
//   - a message is removed only with a confirmed record and two proofs that
//     its partner is gone, after an intent;
//   - a checkpoint holds only values that a listing showed which was applied
//     in full;
//   - whatever is neither seen nor proved gone is unknown, and nothing is
//     decided on it.
package mirror
