//! State machines of the stream operators: one a file, time passed in, answers as data.
