//! The compiled half of the Python package `countersign_sct`: the class `Enforcer`, and the `Decision` it makes.
//! Everything that knows Python's `ssl` is in the other half, in Python.
//!
//! While a chain is judged, other threads of Python run. No panic reaches Python.

mod way;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use way::{Parts, Told, Way};

/// Demands SCTs. One for a whole program: threads share it.
#[pyclass(frozen, module = "countersign_sct._native")]
struct Enforcer {
    way: Way,
    complaints: Vec<String>,
}

#[pymethods]
impl Enforcer {
    /// Always makes one. What it was given and cannot use is in `complaints`.
    #[new]
    #[pyo3(signature = (list = None, keys = None, public_roots = Vec::new(), profile = String::from("default"), memory = None))]
    fn new(
        list: Option<PyBackedBytes>,
        keys: Option<String>,
        public_roots: Vec<String>,
        profile: String,
        memory: Option<String>,
    ) -> Self {
        let (way, complaints) = Way::new(&Parts {
            list: list.as_deref(),
            keys: keys.as_deref(),
            public_roots: &public_roots,
            profile: &profile,
            memory: memory.as_deref(),
        });
        Self { way, complaints }
    }

    /// What of its parts it could not use, and what it does instead.
    #[getter]
    fn complaints(&self) -> Vec<String> {
        self.complaints.clone()
    }

    /// The version of the list in use.
    #[getter]
    fn list_version(&self) -> u64 {
        self.way.list_version()
    }

    /// Takes a newer list.
    fn take(&self, list: PyBackedBytes, keys: String) -> PyResult<()> {
        self.way.take(&list, &keys).map_err(PyValueError::new_err)
    }

    /// Judges a verified chain, in DER, from the server's certificate to the root. `is_whole` says that it ends in
    /// what the client trusts.
    fn judge(
        &self,
        py: Python<'_>,
        chain: Vec<PyBackedBytes>,
        host: Option<String>,
        now: f64,
        is_whole: bool,
    ) -> Decision {
        let chain: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
        py.detach(|| self.way.judge(&chain, host.as_deref(), now, is_whole)).into()
    }

    /// What should be known after the next start.
    fn memory(&self) -> String {
        self.way.memory()
    }

    /// The same, and what another one wrote down.
    fn memory_with(&self, other: String) -> PyResult<String> {
        self.way.memory_with(&other).map_err(PyValueError::new_err)
    }
}

/// What becomes of a connection.
#[pyclass(frozen, get_all, module = "countersign_sct._native")]
struct Decision {
    /// `accept` or `refuse`.
    action: &'static str,
    /// Why, in a sentence.
    reason: String,
    /// Pairs of a kind, which never changes, and a sentence.
    warnings: Vec<(&'static str, String)>,
}

#[pymethods]
impl Decision {
    fn __repr__(&self) -> String {
        format!("<Decision {:?}>", self.reason)
    }
}

impl From<Told> for Decision {
    fn from(told: Told) -> Self {
        let action = if told.accepted { "accept" } else { "refuse" };
        Self { action, reason: told.reason, warnings: told.warnings }
    }
}

/// The module.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{Decision, Enforcer};
}
