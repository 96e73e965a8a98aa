/// One configuration and connector for every client: pinned behaviour version, timeouts, retries.
pub async fn sdk_config() -> aws_config::SdkConfig { todo!() }
