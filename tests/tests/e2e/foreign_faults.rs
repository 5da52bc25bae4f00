//! Faults on a target that is somebody else's: at its client edge, or by a Toxiproxy server that stands
//! before its own dependencies.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use loadlab_e2e::Control;
use serde_json::{Value, json};

use crate::{
    foreign_target::foreign_server,
    lab::{Lab, binary},
};

/// Forty searches a second, of which a second and a half is disturbed.
pub(crate) fn scenario(faults: &str) -> String {
    format!(
        "title: steady\nquestion: does it hold?\ntarget: http://127.0.0.1:1\n\
         load: {{ arrivals: {{ rate: 40/s, for: 4s, process: uniform }} }}\n\
         journeys: [{{ name: j, steps: [{{ name: search, post: /search, json: {{}}, stream: true }}] }}]\n\
         {faults}\n\
         objectives: [success >= 99%]\n"
    )
}

const SLOW: &str =
    "faults: [{ name: slow, at: 1s, for: 1500ms, latency: { edge: load/target, add: 200ms } }]";

/// The events of a kind, in their order.
fn events<'a>(run: &'a Value, kind: &str) -> Vec<&'a Value> {
    let events = run["events"].as_array().expect("a list of events");
    events.iter().filter(|event| !event["what"][kind].is_null()).collect()
}

fn at(event: &Value) -> u64 {
    event["at"].as_u64().expect("a time")
}

/// `loadlab proxy` as somebody's Toxiproxy server.
struct Server {
    child: Child,
    control: Control,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn server() -> Server {
    let mut command = Command::new(binary());
    let mut child = command.args(["proxy", "--port", "0"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let control = line.trim().rsplit_once("http://").expect("an address").1.to_owned();
    Server { child, control: Control(control) }
}

#[test]
fn the_clients_edge_of_somebody_elses_service_is_disturbed_and_healed() {
    let (lab, address) = (Lab::new(), foreign_server());
    let file = lab.file("slow.yaml", &scenario(SLOW));
    let ended = lab.run(&[&file.display().to_string(), "--target", &format!("http://{address}")]);
    assert!(matches!(ended.code, Some(0 | 6)), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    let one = |kind| at(events(&run, kind).first().unwrap_or_else(|| panic!("no {kind}: {}", ended.stdout)));
    let times = ["fault_asked", "fault_began", "fault_seen", "fault_ended", "fault_gone"].map(one);
    assert!(times.is_sorted(), "asked, began, seen, ended, gone: {times:?}");
    // A probe meets it by an answer that is 200 ms late, and not much later on an idle machine.
    assert!(times[2] - times[1] >= 200_000, "{times:?}");
    let touched = &events(&run, "fault_ended")[0]["what"]["fault_ended"]["touched"];
    assert!(touched["bytes"].as_u64() > Some(0), "{touched}");
    assert!(run["latency_ms"]["response"]["max"].as_f64() >= Some(200.0), "{}", run["latency_ms"]);
    assert_eq!(run["totals"]["completed"], 160);
}

#[test]
fn without_faults_the_same_file_runs_undisturbed() {
    let (lab, address) = (Lab::new(), foreign_server());
    let file = lab.file("slow.yaml", &scenario(SLOW)).display().to_string();
    let ended = lab.run(&[&file, "--target", &format!("http://{address}"), "--no-faults"]);
    assert!(matches!(ended.code, Some(0 | 6)), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(events(&lab.run_json(), "fault_began"), Vec::<&Value>::new());
}

#[test]
fn a_toxiproxy_server_is_driven_and_left_as_it_was() {
    let (lab, address, server) = (Lab::new(), foreign_server(), server());
    // Somebody's proxy with a toxic of his own, which is none of our business.
    server.control.disturbed("redis", address, "latency", &json!({ "latency": 1 }));
    let faults = "faults:\n\
        - { name: front, at: 1s, for: 1s, latency: { edge: load/target, add: 100ms } }\n\
        - { name: behind, at: 1s, for: 1s, latency: { edge: app/redis, add: 100ms } }";
    // With a bound this wide a busy machine does not make the generator the limit.
    let text = scenario(faults).replace("[success >= 99%]", "[success >= 99%, p95 < 2s]");
    let file = lab.file("two.yaml", &text).display().to_string();
    let url = format!("http://{}", server.control.0);
    let ended = lab.run(&[&file, "--target", &format!("http://{address}"), "--toxiproxy", &url]);
    // Nothing goes through somebody's Redis here, and that is said.
    assert_eq!(ended.code, Some(5), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    let ends: Vec<(&Value, bool)> = events(&run, "fault_ended")
        .iter()
        .map(|event| &event["what"]["fault_ended"])
        .map(|end| (&end["name"], end["touched"]["bytes"].as_u64() > Some(0)))
        .collect();
    assert!(ends.contains(&(&json!("front"), true)) && ends.contains(&(&json!("behind"), false)), "{ends:?}");
    assert_eq!(server.control.toxics(), Some(vec!["redis/latency_downstream".to_owned()]));
    let (_, proxies) = server.control.call("GET", "/proxies", &Value::Null).expect("it is there");
    assert_eq!(proxies.as_object().map(serde_json::Map::len), Some(1), "its own proxy is left: {proxies}");
}

#[test]
fn the_reference_targets_edges_can_be_on_a_toxiproxy_server() {
    let (lab, server) = (Lab::new(), server());
    let url = format!("http://{}", server.control.0);
    let short = ["load.arrivals.for=8s", "faults.0.at=4s", "faults.0.for=2s", "steady_state.min_samples=1"];
    let set = short.iter().flat_map(|set| ["--set", set]);
    let arguments: Vec<&str> = ["database-slow", "--toxiproxy", &url].into_iter().chain(set).collect();
    let ended = lab.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let run = lab.run_json();
    assert!(
        events(&run, "fault_ended")[0]["what"]["fault_ended"]["touched"]["bytes"].as_u64() > Some(0),
        "{}",
        ended.stdout
    );
    let (_, proxies) = server.control.call("GET", "/proxies", &Value::Null).expect("it is there");
    assert_eq!(proxies, json!({}), "all that was made is gone");
}

#[test]
fn what_cannot_be_disturbed_is_refused_before_anything_starts() {
    let lab = Lab::new();
    let of = |faults: &str| lab.file("refused.yaml", &scenario(faults)).display().to_string();
    let corrupt = "faults: [{ name: c, at: 1s, for: 1s, toxic: { edge: load/target, type: corrupt } }]";
    let other = "faults: [{ name: o, at: 1s, for: 1s, down: { edge: app/redis } }]";
    let cases: [(&str, &[&str], &str); 5] = [
        (SLOW, &["--target", "http://shop.example"], "--allow-chaos shop.example allows it"),
        (SLOW, &["--toxiproxy", "http://toxi.example:8474"], "--allow-chaos toxi.example allows it"),
        (
            corrupt,
            &["--toxiproxy", "http://127.0.0.1:1"],
            "fault `c`: a Toxiproxy server has no toxic `corrupt`",
        ),
        (other, &[], "there is no edge `app/redis`; there is load/target"),
        (SLOW, &["--toxiproxy", "https://a/b"], "http://HOST:PORT is expected"),
    ];
    for (faults, arguments, expected) in cases {
        let ended = lab.run(&[&[of(faults).as_str()], arguments].concat());
        assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    assert!(lab.run_folder().is_none(), "nothing was started");
}
