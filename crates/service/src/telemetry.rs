/// JSON lines on standard output: RFC 3339 time, level, message, fields flat. Level from `AWS_LAMBDA_LOG_LEVEL`, else INFO.
pub fn init() { todo!() }
