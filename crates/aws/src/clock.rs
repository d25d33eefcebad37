//! Time of the service. This machine's clock may differ, and may be set while the program runs.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{DateTime, config_bag::ConfigBag, date_time::Format};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// Interceptor that records the time at which the service answered.
#[derive(Debug, Clone, Default)]
pub struct ServiceClock(Arc<Mutex<Option<DateTime>>>);

impl ServiceClock {
    /// Returns the time of AWS's last answer; this machine's if that answer had none.
    pub fn now(&self) -> DateTime {
        let told = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.unwrap_or_else(|| SystemTime::now().into())
    }
}

#[dyn_dispatch_hint]
impl Intercept for ServiceClock {
    fn name(&self) -> &'static str {
        "ServiceClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}
