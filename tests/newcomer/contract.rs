
#[tokio::test]
async fn a_composite_alarm_keeps_its_contract() {
    use liveinsight::resources::CompositeAlarm;
    let bench = Bench::new("composite").await;
    let alarm = |rule: &str| CompositeAlarm {
        name: bench.name("composite"),
        family: "composite".to_owned(),
        rule: rule.to_owned(),
        tags: bench.tags(),
    };
    let variants = [alarm("TRUE"), alarm("FALSE"), CompositeAlarm { tags: bench.tags().with("Team", "blue"), ..alarm("TRUE") }];
    let declare = |variant: usize| {
        let mut graph = Graph::default();
        graph.add("composite", variants[variant].clone());
        let logical = bench.logical();
        graph.sweep(move |aws: &Aws| Box::pin(CompositeAlarm::sweep(aws, "composite".to_owned(), logical.clone())));
        graph
    };
    contract(&bench, variants.len(), declare).await;
}
