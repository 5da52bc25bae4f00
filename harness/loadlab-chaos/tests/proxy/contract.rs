//! Toxiproxy's HTTP contract, row by row and byte for byte.

use loadlab_chaos::proxy::Options;

use crate::rig::{connect, echo, echo_server, rig, rig_with};

const LATENCY: &str = r#"{"attributes":{"latency":100,"jitter":10},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}"#;

#[tokio::test]
async fn a_registry_without_proxies_is_an_empty_object() {
    rig().await.call("GET", "/proxies", "").await.expect_json(200, "{}");
}

#[tokio::test]
async fn a_proxy_is_made_shown_changed_and_removed() {
    let rig = rig().await;
    let made = rig.call("POST", "/proxies", r#"{"name":"db","upstream":"127.0.0.1:1","enabled":true}"#).await;
    let listen = made.json()["listen"].as_str().expect("a listen").to_owned();
    assert!(listen.starts_with("127.0.0.1:") && !listen.ends_with(":0"), "{listen}");
    let shown =
        format!(r#"{{"name":"db","listen":"{listen}","upstream":"127.0.0.1:1","enabled":true,"toxics":[]}}"#);
    made.expect_json(201, &shown);
    rig.call("GET", "/proxies/db", "").await.expect_json(200, &shown);
    rig.call("GET", "/proxies", "").await.expect_json(200, &format!(r#"{{"db":{shown}}}"#));
    for method in ["POST", "PATCH"] {
        let down = shown.replace("true", "false");
        rig.call(method, "/proxies/db", r#"{"enabled":false}"#).await.expect_json(200, &down);
        rig.call(method, "/proxies/db", r#"{"ENABLED":true}"#).await.expect_json(200, &shown);
        rig.call(method, "/proxies/db", r#"{"name":"other"}"#).await.expect_json(200, &shown);
        rig.call(method, "/proxies/db", "null").await.expect_json(200, &shown);
    }
    rig.call("DELETE", "/proxies/db", "").await.expect_empty(204);
    rig.call("DELETE", "/proxies/db", "").await.expect_error(404, "proxy not found");
    rig.call("GET", "/proxies", "").await.expect_json(200, "{}");
}

#[tokio::test]
async fn proxies_are_listed_by_name_and_names_are_escaped_as_in_go() {
    let rig = rig().await;
    for name in ["z", "a <&>", "ü ü"] {
        let body = format!(r#"{{"name":"{name}","upstream":"x:1","listen":"localhost:1","enabled":false}}"#);
        assert_eq!(rig.call("POST", "/proxies", &body).await.status, 201);
    }
    let proxy = |name: &str| {
        format!(
            r#""{name}":{{"name":"{name}","listen":"localhost:1","upstream":"x:1","enabled":false,"toxics":[]}}"#
        )
    };
    let all = [proxy(r"a \u003c\u0026\u003e"), proxy("z"), proxy("ü ü")].join(",");
    rig.call("GET", "/proxies", "").await.expect_json(200, &format!("{{{all}}}"));
    assert_eq!(rig.call("GET", "/proxies/%C3%BC%20%C3%BC", "").await.json()["name"], "ü ü");
    rig.call("DELETE", "/proxies/a%20%3C%26%3E", "").await.expect_empty(204);
}

#[tokio::test]
async fn a_bad_proxy_is_refused_with_the_reason() {
    let rig = rig().await;
    let cases = [
        ("", 400, "bad request body: EOF"),
        ("{", 400, "bad request body: unexpected EOF"),
        ("{}", 400, "missing required field: name"),
        ("null", 400, "missing required field: name"),
        (r#"{"name":""}"#, 400, "missing required field: name"),
        (r#"{"name":"x"}"#, 400, "missing required field: upstream"),
        ("[]", 400, "bad request body: json: cannot unmarshal array into a proxy"),
        (
            r#"{"name":1}"#,
            400,
            "bad request body: json: cannot unmarshal number 1 into field name of type string",
        ),
        (
            r#"{"name":"x","upstream":"y:1","listen":"1.2.3.4:0"}"#,
            400,
            "listen tcp 1.2.3.4:0: only loopback addresses may be bound here",
        ),
        (
            r#"{"name":"x","upstream":"y:1","listen":"nowhere"}"#,
            500,
            "listen tcp: address nowhere: missing port in address",
        ),
        (
            r#"{"name":"x","upstream":"y:1","protocol":"smtp"}"#,
            400,
            "bad request body: protocol was invalid, can be raw, http or resp",
        ),
    ];
    for (body, status, text) in cases {
        rig.call("POST", "/proxies", body).await.expect_error(status, text);
    }
    let syntax = rig.call("POST", "/proxies", "hello").await;
    assert!(syntax.status == 400 && syntax.body.starts_with(r#"{"error":"bad request body: "#));
    rig.call("GET", "/proxies", "").await.expect_json(200, "{}");
}

#[tokio::test]
async fn what_is_there_already_is_a_conflict() {
    let rig = rig().await;
    let body = r#"{"name":"db","upstream":"127.0.0.1:1"}"#;
    let made = rig.call("POST", "/proxies", body).await.json();
    rig.call("POST", "/proxies", body).await.expect_error(409, "proxy already exists");
    let listen = made["listen"].as_str().expect("a listen");
    let taken = format!(r#"{{"name":"two","upstream":"127.0.0.1:1","listen":"{listen}"}}"#);
    let text = format!("listen tcp {listen}: bind: address already in use");
    rig.call("POST", "/proxies", &taken).await.expect_error(500, &text);
    rig.call("GET", "/proxies/two", "").await.expect_error(404, "proxy not found");
}

#[tokio::test]
async fn bodies_are_read_leniently() {
    let rig = rig().await;
    let body = br#" {"NAME":"db","Upstream":"127.0.0.1:1","unknown":[1],"listen":null} and {more"#;
    let reply = rig.call_with("POST", "/proxies", "content-type: image/png\r\n", body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let toxic = r#"{"Type":"latency","ATTRIBUTES":{"Latency":100,"JITTER":10,"more":1},"name":null}x"#;
    rig.call("POST", "/proxies/db/toxics", toxic).await.expect_json(200, LATENCY);
}

#[tokio::test]
async fn a_toxic_is_made_shown_changed_and_removed() {
    let rig = rig().await;
    rig.call("POST", "/proxies", r#"{"name":"db","upstream":"127.0.0.1:1"}"#).await;
    rig.call("GET", "/proxies/db/toxics", "").await.expect_json(200, "[]");
    let body = r#"{"type":"latency","attributes":{"latency":100,"jitter":10}}"#;
    rig.call("POST", "/proxies/db/toxics", body).await.expect_json(200, LATENCY);
    let up = r#"{"type":"noop","stream":"upstream","toxicity":0.1}"#;
    let noop = r#"{"attributes":{},"name":"noop_upstream","type":"noop","stream":"upstream","toxicity":0.1}"#;
    rig.call("POST", "/proxies/db/toxics", up).await.expect_json(200, noop);
    // Upstream ones come first.
    rig.call("GET", "/proxies/db/toxics", "").await.expect_json(200, &format!("[{noop},{LATENCY}]"));
    rig.call("GET", "/proxies/db/toxics/noop_upstream", "").await.expect_json(200, noop);
    let merged = LATENCY.replace("100", "7").replace(":1}", ":0.5}");
    for method in ["POST", "PATCH"] {
        let patch = r#"{"attributes":{"latency":7},"toxicity":0.5,"name":"x","type":"y","stream":"z"}"#;
        rig.call(method, "/proxies/db/toxics/latency_downstream", patch).await.expect_json(200, &merged);
    }
    rig.call("DELETE", "/proxies/db/toxics/noop_upstream", "").await.expect_empty(204);
    let shown = rig.call("GET", "/proxies/db", "").await;
    assert!(shown.body.ends_with(&format!(r#""enabled":true,"toxics":[{merged}]}}"#)), "{}", shown.body);
    for (method, path) in [("GET", "x"), ("DELETE", "x"), ("POST", "x"), ("PATCH", "x")] {
        let path = format!("/proxies/db/toxics/{path}");
        rig.call(method, &path, "{}").await.expect_error(404, "toxic not found");
    }
}

#[tokio::test]
async fn a_bad_toxic_is_refused_with_the_reason() {
    let rig = rig().await;
    rig.call("POST", "/proxies", r#"{"name":"db","upstream":"127.0.0.1:1"}"#).await;
    rig.expect_toxic("db", r#"{"type":"noop","name":"taken","stream":"UPSTREAM"}"#).await;
    let field = "bad request body: json: cannot unmarshal";
    let cases = [
        ("", 400, "bad request body: EOF".to_owned()),
        ("{}", 400, "invalid toxic type".to_owned()),
        (r#"{"type":"magic"}"#, 400, "invalid toxic type".to_owned()),
        (
            r#"{"type":"latency","stream":"sideways"}"#,
            400,
            "stream was invalid, can be either upstream or downstream".to_owned(),
        ),
        (r#"{"type":"latency","name":"taken"}"#, 409, "toxic already exists".to_owned()),
        (
            r#"{"type":"latency","attributes":{"latency":1.5}}"#,
            400,
            format!("{field} number 1.5 into field attributes.latency of type int64"),
        ),
        (
            r#"{"type":"latency","attributes":{"latency":"1"}}"#,
            400,
            format!("{field} string into field attributes.latency of type int64"),
        ),
        (
            r#"{"type":"noop","toxicity":"all"}"#,
            400,
            format!("{field} string into field toxicity of type float32"),
        ),
        (
            r#"{"type":"noop","attributes":3}"#,
            400,
            format!("{field} number 3 into field attributes of type object"),
        ),
        (r#"{"type":"slicer"}"#, 400, "bad request body: average_size must be 1 or more, not 0".to_owned()),
        (
            r#"{"type":"bandwidth","attributes":{"rate":-1}}"#,
            400,
            "bad request body: rate must be 0 or more, not -1".to_owned(),
        ),
        (r#"{"type":"noop","ttl":0}"#, 400, "bad request body: ttl must be 1 ms or more, not 0".to_owned()),
    ];
    for (body, status, text) in cases {
        rig.call("POST", "/proxies/db/toxics", body).await.expect_error(status, &text);
    }
    rig.call("POST", "/proxies/none/toxics", "").await.expect_error(404, "proxy not found");
    let patch = rig.call("PATCH", "/proxies/db/toxics/taken", "").await;
    patch.expect_error(400, "bad request body: EOF");
    assert_eq!(rig.proxies.toxics("db").expect("a proxy").len(), 1);
}

#[tokio::test]
async fn every_kind_shows_all_its_attributes_in_order() {
    let rig = rig().await;
    rig.call("POST", "/proxies", r#"{"name":"db","upstream":"127.0.0.1:1"}"#).await;
    let kinds = [
        ("latency", "{}", r#"{"latency":0,"jitter":0}"#),
        ("bandwidth", "{}", r#"{"rate":0}"#),
        ("slow_close", "{}", r#"{"delay":0}"#),
        ("timeout", "{}", r#"{"timeout":0}"#),
        ("reset_peer", "{}", r#"{"timeout":0}"#),
        ("slicer", r#"{"average_size":5}"#, r#"{"average_size":5,"size_variation":0,"delay":0}"#),
        ("limit_data", "{}", r#"{"bytes":0}"#),
        ("packet_loss", r#"{"loss_rate":0.5}"#, r#"{"loss_rate":0.5,"correlation":0}"#),
        ("noop", "{}", "{}"),
        ("corrupt", r#"{"share":1}"#, r#"{"share":1,"unit":"chunk"}"#),
    ];
    for (kind, given, shown) in kinds {
        let body = format!(r#"{{"type":"{kind}","attributes":{given}}}"#);
        let whole = format!(
            r#"{{"attributes":{shown},"name":"{kind}_downstream","type":"{kind}","stream":"downstream","toxicity":1}}"#
        );
        rig.call("POST", "/proxies/db/toxics", &body).await.expect_json(200, &whole);
    }
}

#[tokio::test]
async fn populate_checks_all_first_and_answers_in_order() {
    let rig = rig().await;
    let error = |status: u16, text: &str| format!(r#"{{"error":"{text}","status":{status},"proxies":null}}"#);
    let cases = [
        ("", 400, "bad request body: EOF"),
        (
            r#"[{"name":"a","upstream":"x:1"},{"upstream":"x:1"}]"#,
            400,
            "missing required field: name at proxy 2",
        ),
        (
            r#"[{"name":"a","upstream":"x:1"},{"name":"b"}]"#,
            400,
            "missing required field: upstream at proxy 2",
        ),
        (
            r#"[{"name":"a","upstream":"x:1"},{"name":"b","upstream":"x:1","toxics":[{"type":"magic"}]}]"#,
            400,
            "invalid toxic type at proxy 2",
        ),
        (
            r#"[{"name":"a","upstream":"x:1"},{"name":"a","upstream":"x:1"}]"#,
            500,
            r#"duplicate proxy name \"a\""#,
        ),
    ];
    for (body, status, text) in cases {
        rig.call("POST", "/populate", body).await.expect_json(status, &error(status, text));
    }
    rig.call("GET", "/proxies", "").await.expect_json(200, "{}");
    rig.call("POST", "/populate", "[]").await.expect_json(201, r#"{"proxies":null}"#);
    let body = r#"[{"name":"b","upstream":"x:1","listen":"localhost:9","enabled":false},{"name":"a","upstream":"x:1"}]"#;
    let made = rig.call("POST", "/populate", body).await;
    let listen = made.json()["proxies"][1]["listen"].as_str().expect("a listen").to_owned();
    let first = r#"{"name":"b","listen":"localhost:9","upstream":"x:1","enabled":false,"toxics":[]}"#;
    let second = format!(r#"{{"name":"a","listen":"{listen}","upstream":"x:1","enabled":true,"toxics":[]}}"#);
    made.expect_json(201, &format!(r#"{{"proxies":[{first},{second}]}}"#));
}

#[tokio::test]
async fn populate_leaves_what_is_the_same_and_replaces_what_differs() {
    let (rig, upstream) = (rig().await, echo_server().await);
    let listen = rig.proxy("db", upstream).to_string();
    rig.expect_toxic("db", r#"{"type":"noop","name":"mine"}"#).await;
    let mut open = connect(listen.parse().expect("an address")).await;
    echo(&mut open, b"before").await.expect("an echo");
    // Clients send what they last read, an empty list of toxics included.
    let same = format!(r#"[{{"name":"db","listen":"{listen}","upstream":"{upstream}","toxics":[]}}]"#);
    let reply = rig.call("POST", "/populate", &same).await;
    assert_eq!(reply.json()["proxies"][0]["toxics"][0]["name"], "mine", "{}", reply.body);
    echo(&mut open, b"still there").await.expect("an echo");
    let other = format!(r#"[{{"name":"db","listen":"{listen}","upstream":"127.0.0.1:1"}}]"#);
    let reply = rig.call("POST", "/populate", &other).await;
    assert_eq!((reply.status, reply.json()["proxies"][0]["toxics"].to_string()), (201, "[]".to_owned()));
    assert!(echo(&mut open, b"gone").await.is_err());
}

#[tokio::test]
async fn reset_enables_all_and_removes_all_toxics() {
    let rig = rig().await;
    rig.call("POST", "/proxies", r#"{"name":"db","upstream":"x:1","enabled":false}"#).await;
    rig.expect_toxic("db", r#"{"type":"latency","stream":"upstream"}"#).await;
    rig.expect_toxic("db", r#"{"type":"timeout"}"#).await;
    rig.call("POST", "/reset", "not { json").await.expect_empty(204);
    let shown = rig.call("GET", "/proxies/db", "").await.json();
    assert_eq!((shown["enabled"].as_bool(), shown["toxics"].to_string()), (Some(true), "[]".to_owned()));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_as_by_gos_router() {
    let rig = rig().await;
    for path in ["/", "/nothing", "/proxies/", "/proxies/a/b", "/metrics", "/reset/"] {
        let reply = rig.call("GET", path, "").await;
        assert_eq!((reply.status, reply.body.as_str()), (404, "404 page not found\n"), "{path}");
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(reply.header("x-toxiproxy-request-id"), "");
    }
    let cases = [
        ("PUT", "/proxies"),
        ("HEAD", "/proxies"),
        ("OPTIONS", "/proxies"),
        ("DELETE", "/proxies"),
        ("GET", "/reset"),
        ("GET", "/populate"),
        ("PUT", "/proxies/x"),
        ("PATCH", "/proxies/x/toxics"),
        ("PUT", "/proxies/x/toxics/y"),
        ("POST", "/version"),
    ];
    for (method, path) in cases {
        rig.call(method, path, "").await.expect_empty(405);
    }
    let moved = rig.call("GET", "//proxies", "").await;
    assert_eq!((moved.status, moved.header("location")), (301, "/proxies"));
}

#[tokio::test]
async fn browsers_are_kept_out() {
    let rig = rig().await;
    let agent = "user-agent: Mozilla/5.0 (X11)\r\n";
    let reply = rig.call_with("POST", "/reset", agent, b"").await;
    assert_eq!((reply.status, reply.body.as_str()), (403, "User agent not allowed\n"));
    assert_eq!(reply.header("x-toxiproxy-request-id").len(), 20);
    assert_eq!(rig.call_with("GET", "/nothing", agent, b"").await.status, 404);
    assert_eq!(rig.call_with("GET", "/version", "user-agent: curl/8\r\n", b"").await.status, 200);
}

#[tokio::test]
async fn the_version_is_json_with_a_line_end() {
    let reply = rig().await.call("GET", "/version", "").await;
    assert_eq!(reply.body, format!("{{\"version\": \"2.12.0+loadlab.{}\"}}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(reply.header("content-type"), "application/json;charset=utf-8");
}

#[tokio::test]
async fn metrics_count_bytes_by_direction_while_links_are_open() {
    let rig = rig_with(Options { metrics: true, ..Options::default() }).await;
    let upstream = echo_server().await;
    let listen = rig.proxy("a \"b\"", upstream);
    let mut open = connect(listen).await;
    echo(&mut open, b"12345").await.expect("an echo");
    let series = |name: &str, direction: &str, value: u64| {
        format!(
            "toxiproxy_proxy_{name}_bytes_total{{direction=\"{direction}\",listener=\"{listen}\",\
             proxy=\"a \\\"b\\\"\",upstream=\"{upstream}\"}} {value}\n"
        )
    };
    rig.until(|stats| stats.downstream.sent == 5).await;
    let reply = rig.call("GET", "/metrics", "").await;
    assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for direction in ["upstream", "downstream"] {
        for name in ["received", "sent"] {
            let line = series(name, direction, 5);
            assert!(reply.body.contains(&line), "{line} not in {}", reply.body);
        }
    }
    // A series does not vanish, nor fall, with its proxy.
    rig.call("DELETE", "/proxies/a%20%22b%22", "").await.expect_empty(204);
    let after = rig.call("GET", "/metrics", "").await.body;
    assert!(after.contains(&series("received", "upstream", 5)), "{after}");
}
