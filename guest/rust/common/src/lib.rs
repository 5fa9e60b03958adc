//! Everything about classifying pictures but the inference, which is what the guests differ in.

mod options;
mod picture;
mod ranking;
mod resize;

use std::fmt::Display;
use std::process::ExitCode;

use options::{Command, Options};
pub use picture::Input;

/// The bindings do not pass on the size that an output needs, so this bounds it.
const MAX_CLASSES: usize = 1 << 16;

const EXIT_USAGE: u8 = 2;

/// The model to classify with.
pub enum Model {
    Bytes(Vec<u8>),
    /// One that the host has under this name.
    Named(String),
}

impl Model {
    /// For bindings that know no models by name.
    pub fn bytes(&self) -> Result<&[u8], String> {
        match self {
            Model::Bytes(bytes) => Ok(bytes),
            Model::Named(_) => Err("this binding cannot load by name: give --model FILE".into()),
        }
    }
}

/// The pictures to classify, and how to print what they show.
pub struct Pictures<'a> {
    options: &'a Options,
    labels: Vec<String>,
    read: Read<'a>,
}

/// Gives what is at a path, or says why it cannot.
pub type Read<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

impl Pictures<'_> {
    /// Calls `infer` for each picture: it writes scores and returns how many bytes they take.
    pub fn classify(
        &self,
        mut infer: impl FnMut(&Input, &mut [f32]) -> Result<usize, String>,
    ) -> Result<(), String> {
        let mut scores = vec![0.0; MAX_CLASSES];
        for path in &self.options.pictures {
            let input = picture::prepare(&(self.read)(path)?, self.options.size)
                .map_err(|error| format!("'{path}': {error}"))?;
            let size_bytes = infer(&input, &mut scores)?;
            if size_bytes == 0 || size_bytes % size_of::<f32>() != 0 {
                return Err(format!("output 0 has {size_bytes} bytes, which are no scores"));
            }
            println!("{path}");
            self.print(&mut scores[..size_bytes / size_of::<f32>()])?;
        }
        Ok(())
    }

    fn print(&self, scores: &mut [f32]) -> Result<(), String> {
        if !self.labels.is_empty() && self.labels.len() != scores.len() {
            return Err(format!(
                "the model gives {} scores, but the labels file names {} classes",
                scores.len(),
                self.labels.len()
            ));
        }
        ranking::softmax(scores);
        let best = ranking::top_k(scores, self.options.top);
        for (place, (class, probability)) in best.into_iter().enumerate() {
            let name = self.labels.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
            println!("{:3}. {name}  {probability:.3}", place + 1);
        }
        Ok(())
    }
}

/// A program called `name` that classifies by `classify`, as its command line says.
pub fn main(
    name: &str,
    classify: impl FnOnce(&Model, &Pictures) -> Result<(), String>,
) -> ExitCode {
    main_reading(name, &read_file, classify)
}

/// As `main`, where models, labels and pictures come from `read`.
pub fn main_reading(
    name: &str,
    read: Read,
    classify: impl FnOnce(&Model, &Pictures) -> Result<(), String>,
) -> ExitCode {
    let options = match options::parse(std::env::args().skip(1)) {
        Ok(Command::Classify(options)) => options,
        Ok(Command::Help) => {
            print!("{}", options::help(name));
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{name}: {message}; --help shows how to use it");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match run(&options, read, classify) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    options: &Options,
    read: Read,
    classify: impl FnOnce(&Model, &Pictures) -> Result<(), String>,
) -> Result<(), String> {
    let labels = match &options.labels {
        Some(path) => ranking::parse_labels(&String::from_utf8_lossy(&read(path)?)),
        None => Vec::new(),
    };
    let model = match &options.model {
        options::Model::File(path) => Model::Bytes(read(path)?),
        options::Model::Graph(name) => Model::Named(name.clone()),
    };
    classify(&model, &Pictures { options, labels, read })
}

/// What a failed `call` says, for `map_err`.
pub fn failed<E: Display>(call: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{call}: {error}")
}

/// What is in a file.
pub fn read_file(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| {
        format!(
            "cannot read '{path}': {error} \
             (a guest sees only folders that the host opens to it with --dir)"
        )
    })
}
