//! The words on the command line.

/// What `--help` prints for the program `name`.
pub fn help(name: &str) -> String {
    format!(
        "\
Classifies pictures with an ONNX model.

Usage: {name} (--model FILE | --graph NAME) [OPTIONS] PICTURE...

  {name} --model squeezenet1.1.onnx --labels synset_words.txt cat.jpg

  --model FILE    the model, handed to the host as bytes
  --graph NAME    a model that the host has under this name
  --labels FILE   names of the classes, one a line; without it: numbers
  --top K         how many classes to show (5)
  --size N        the side of the model's square input in pixels (224)
  -h, --help

Exit codes: 0 classified, 1 failed, 2 the command line is wrong.
"
    )
}

#[derive(Debug, PartialEq)]
pub enum Model {
    File(String),
    Graph(String),
}

#[derive(Debug, PartialEq)]
pub struct Options {
    pub model: Model,
    pub labels: Option<String>,
    pub top: usize,
    pub size: usize,
    /// At least one.
    pub pictures: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub enum Command {
    Help,
    Classify(Options),
}

/// Reads the arguments that follow the program's name.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut model = None;
    let mut labels = None;
    let mut top = 5;
    let mut size = 224;
    let mut pictures = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "-h" | "--help" => return Ok(Command::Help),
            "--model" => model = Some(Model::File(value()?)),
            "--graph" => model = Some(Model::Graph(value()?)),
            "--labels" => labels = Some(value()?),
            "--top" => top = parse_count("--top", &value()?, 1_000_000)?,
            "--size" => size = parse_count("--size", &value()?, 8192)?,
            "--" => pictures.extend(arguments.by_ref()),
            _ if argument.starts_with('-') && argument.len() > 1 => {
                return Err(format!("unknown option '{argument}'"));
            }
            _ => pictures.push(argument),
        }
    }
    let model = model.ok_or("no model: give --model FILE or --graph NAME")?;
    if pictures.is_empty() {
        return Err("no picture to classify".to_owned());
    }
    Ok(Command::Classify(Options { model, labels, top, size, pictures }))
}

fn parse_count(option: &str, value: &str, max: usize) -> Result<usize, String> {
    match value.parse() {
        Ok(count) if (1..=max).contains(&count) => Ok(count),
        _ => Err(format!("{option} is a number from 1 to {max}, not '{value}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Command, String> {
        parse(words.iter().map(|word| word.to_string()))
    }

    #[test]
    fn reads_everything() {
        let words =
            ["--model", "m", "a", "--labels", "l", "--top", "2", "--size", "64", "--", "-b"];
        assert_eq!(
            parse_words(&words),
            Ok(Command::Classify(Options {
                model: Model::File("m".to_owned()),
                labels: Some("l".to_owned()),
                top: 2,
                size: 64,
                pictures: vec!["a".to_owned(), "-b".to_owned()],
            }))
        );
    }

    #[test]
    fn takes_models_by_name() {
        let Ok(Command::Classify(options)) = parse_words(&["--graph", "g", "a"]) else {
            panic!("not understood");
        };
        assert_eq!(options.model, Model::Graph("g".to_owned()));
    }

    #[test]
    fn names_what_is_wrong() {
        for (words, expected) in [
            (&["a"][..], "no model"),
            (&["--model", "m"], "no picture"),
            (&["--model"], "needs a value"),
            (&["--model", "m", "--top", "0", "a"], "--top"),
            (&["--models", "m"], "unknown option '--models'"),
        ] {
            let error = parse_words(words).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
