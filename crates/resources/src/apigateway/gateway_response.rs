//! Gateway responses: answers that an API gives by itself, where no method does (an unknown path, a throttle, a failed integration).
//!
//! They are no resources but fields of the [REST API](crate::RestApi): AWS has one of each type, set or not. Of each, only the header is ours
//! without which a browser hides the answer from a page of another origin; all other settings in it stay. A type with a setting of its own no
//! longer follows the defaults, and needs the header, too. All other types answer with `DEFAULT_4XX` or `DEFAULT_5XX` ("Gateway response types for
//! API Gateway").

use super::common::PAGE;
use aws::{Aws, Optional};
use aws_sdk_apigateway::types::{GatewayResponse, GatewayResponseType};
use engine::Result;
use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

/// Default types, which all other types follow.
pub const ERROR_TYPES: [&str; 2] = ["DEFAULT_4XX", "DEFAULT_5XX"];

/// Header that lets a page of another origin read the answer.
pub const ORIGIN_HEADER: &str = "gatewayresponse.header.Access-Control-Allow-Origin";

/// Template of every gateway response in its original state ("Set up gateway responses to customize error responses").
const DEFAULT_TEMPLATE: (&str, &str) = ("application/json", r#"{"message":$context.error.messageString}"#);

/// Lists the gateway responses of an API, default ones included; none if there is no such API.
pub(super) async fn gateway_responses(aws: &Aws, api: &str) -> Result<Rc<Vec<GatewayResponse>>> {
    aws.shared("apigateway", &format!("gateway responses/{api}"), || async {
        let mut responses = Vec::new();
        let send = |position| aws.apigateway.get_gateway_responses().rest_api_id(api).limit(PAGE).set_position(position).send();
        let listed = aws.pages("apigateway:GetGatewayResponses", send, |page| {
            responses.extend(page.items.unwrap_or_default());
            Ok(page.position)
        });
        Ok(listed.await.optional()?.map_or_else(Vec::new, |()| responses))
    })
    .await
}

/// Returns the value of the header by type. It contains the types in [`ERROR_TYPES`] that have the header. Of the types with a setting of their own
/// it contains those with another value than the one declared for all.
pub(super) fn error_origins(observed: &[GatewayResponse], declared: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let origin = |name: &&str| Some(((*name).to_owned(), parameters(of_type(observed, name)?).get(ORIGIN_HEADER)?.clone()));
    let own = observed.iter().filter(|response| !response.default_response());
    let own = own.filter_map(|response| {
        let (name, wanted) = (response.response_type.as_ref()?.as_str(), declared.values().next()?);
        let origin = parameters(response).get(ORIGIN_HEADER).cloned();
        (!ERROR_TYPES.contains(&name) && origin.as_ref() != Some(wanted)).then(|| (name.to_owned(), origin.unwrap_or_default()))
    });
    ERROR_TYPES.iter().filter_map(origin).chain(own).collect()
}

/// Writes the declared headers. The caller holds the API's turn.
pub(super) async fn write_error_origins(
    aws: &Aws,
    api: &str,
    observed: &[GatewayResponse],
    declared: &BTreeMap<String, String>,
) -> Result<()> {
    let there = error_origins(observed, declared);
    let own = there.keys().map(String::as_str).filter(|name| !ERROR_TYPES.contains(name));
    let declared = |name: &str| declared.get(name).or_else(|| declared.values().next().filter(|_| !ERROR_TYPES.contains(&name)));
    for name in ERROR_TYPES.into_iter().chain(own).filter(|name| there.get(*name) != declared(name)) {
        let found = of_type(observed, name);
        let mut headers = found.map(parameters).unwrap_or_default();
        headers.remove(ORIGIN_HEADER);
        headers.extend(declared(name).map(|origin| (ORIGIN_HEADER.to_owned(), origin.clone())));
        let templates = found.and_then(|found| found.response_templates.clone()).unwrap_or_default();
        let status = found.and_then(|found| found.status_code.clone()).filter(|status| !status.is_empty());
        let response_type = GatewayResponseType::from(name);
        if headers.is_empty() && status.is_none() && is_default(&templates) {
            let delete = || aws.apigateway.delete_gateway_response().rest_api_id(api).response_type(response_type.clone()).send();
            aws.write("apigateway:DeleteGatewayResponse", delete).await.optional()?;
        } else {
            // It replaces all that was set.
            let put = || {
                let request = aws.apigateway.put_gateway_response().rest_api_id(api).response_type(response_type.clone());
                let request = request.set_status_code(status.clone()).set_response_parameters(Some(headers.clone()));
                request.set_response_templates((!is_default(&templates)).then(|| templates.clone())).send()
            };
            aws.write("apigateway:PutGatewayResponse", put).await?;
        }
    }
    Ok(())
}

fn of_type<'a>(observed: &'a [GatewayResponse], name: &str) -> Option<&'a GatewayResponse> {
    observed.iter().find(|response| response.response_type.as_ref().is_some_and(|found| found.as_str() == name))
}

fn parameters(response: &GatewayResponse) -> HashMap<String, String> {
    response.response_parameters.clone().unwrap_or_default()
}

fn is_default(templates: &HashMap<String, String>) -> bool {
    let (kind, template) = DEFAULT_TEMPLATE;
    templates.iter().all(|(found_kind, found)| found_kind == kind && found == template)
}

#[cfg(test)]
mod tests {
    use super::{ERROR_TYPES, ORIGIN_HEADER, error_origins, is_default};
    use aws_sdk_apigateway::types::{GatewayResponse, GatewayResponseType};
    use std::collections::{BTreeMap, HashMap};

    fn response(kind: &str, header: &str) -> GatewayResponse {
        GatewayResponse::builder().response_type(GatewayResponseType::from(kind)).response_parameters(header, "'*'").build()
    }

    #[test]
    fn only_our_header_of_the_types_that_all_follow_counts() {
        let observed = [response(ERROR_TYPES[0], ORIGIN_HEADER), response("THROTTLED", ORIGIN_HEADER), response(ERROR_TYPES[1], "other")];
        let declared = BTreeMap::from([("DEFAULT_4XX".to_owned(), "'*'".to_owned())]);
        assert_eq!(error_origins(&observed, &declared), declared);
        assert_eq!(error_origins(&observed, &BTreeMap::new()), declared);
    }

    #[test]
    fn a_type_with_a_setting_of_its_own_needs_the_header_too() {
        let declared = BTreeMap::from([("DEFAULT_4XX".to_owned(), "'*'".to_owned())]);
        let throttled = [response("THROTTLED", "other")];
        assert_eq!(error_origins(&throttled, &declared), BTreeMap::from([("THROTTLED".to_owned(), String::new())]));
        assert_eq!(error_origins(&throttled, &BTreeMap::new()), BTreeMap::new());
    }

    #[test]
    fn a_template_of_aws_is_no_setting() {
        let template = |text: &str| HashMap::from([("application/json".to_owned(), text.to_owned())]);
        assert!(is_default(&HashMap::new()) && is_default(&template(r#"{"message":$context.error.messageString}"#)));
        assert!(!is_default(&template(r#"{"sorry":true}"#)));
    }
}
