// Vector's language over a file: compiles a program once, runs it on each record, and writes the records of which it
// says true, as they came. `weir-vrl PROGRAM INPUT OUTPUT`. Started by vector.ts of the benchmarks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

use vrl::compiler::runtime::Runtime;
use vrl::compiler::state::RuntimeState;
use vrl::compiler::{compile, TargetValue, TimeZone};
use vrl::diagnostic::Formatter;
use vrl::value::{Secrets, Value};

type Failure = Box<dyn std::error::Error>;

fn run(program: &str, input: &str, output: &str) -> Result<(), Failure> {
    let source = fs::read_to_string(program)?;
    let functions = vrl::stdlib::all();
    let compiled = compile(&source, &functions).map_err(|faults| Formatter::new(&source, faults).to_string())?;
    let timezone = TimeZone::default();
    let mut runtime = Runtime::new(RuntimeState::default());
    let mut reader = BufReader::with_capacity(1 << 20, File::open(input)?);
    let mut writer = BufWriter::with_capacity(1 << 20, File::create(output)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        // A malformed record is passed over.
        if let Ok(value @ Value::Object(_)) = serde_json::from_slice::<Value>(&line) {
            let mut target =
                TargetValue { value, metadata: Value::Object(BTreeMap::new()), secrets: Secrets::default() };
            if runtime.resolve(&mut target, &compiled.program, &timezone)? == Value::Boolean(true) {
                writer.write_all(&line)?;
            }
            runtime.clear();
        }
        line.clear();
    }
    writer.flush()?;
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--version"] => {
            println!("vrl {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        [program, input, output] => run(program, input, output),
        _ => Err("usage: weir-vrl PROGRAM INPUT OUTPUT".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("weir-vrl: {failure}");
            ExitCode::FAILURE
        }
    }
}
