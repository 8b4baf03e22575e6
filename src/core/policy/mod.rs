//! Policies of the middleware: one state machine a file, time passed in, answers as data.
