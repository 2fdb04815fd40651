//! The API described for machines: an OpenAPI 3.1 document.

use serde_json::{Value, json};

/// The document.
pub fn document() -> Value {
    let decided = json!({"200": answer("The decision, which is in the archive", "Record"),
        "400": failure("The request says nothing that can be decided"),
        "401": failure("The token is missing or wrong"),
        "500": failure("Nothing is decided; nothing may be issued")});
    let read = |what: &str, content: Value| {
        json!({"200": {"description": what, "content": content},
            "401": failure("The token is missing or wrong"),
            "404": failure("There is none")})
    };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign gate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "May this certificate be issued? Decided by CAA (RFC 8659, RFC 8657), with DNSSEC proofs.",
        },
        "paths": {
            "/v1/decide": {"post": {
                "operationId": "decide",
                "summary": "Decide about one certificate, and archive the decision",
                "security": [{"token": []}],
                "requestBody": body("Application"),
                "responses": decided,
            }},
            "/v1/decisions/{id}": {"get": {
                "operationId": "decision",
                "summary": "Read an archived decision",
                "security": [{"token": []}],
                "parameters": [path("id", json!({"type": "integer", "minimum": 1}))],
                "responses": read("The decision", content("Record")),
            }},
            "/v1/proofs/{hash}": {"get": {
                "operationId": "proof",
                "summary": "Read a DNSSEC proof",
                "security": [{"token": []}],
                "parameters": [path("hash", json!({"type": "string", "pattern": "^[0-9a-f]{64}$"}))],
                "responses": read("The proof", json!({"application/octet-stream": {}})),
            }},
            "/v1/corroborate": {"post": {
                "operationId": "corroborate",
                "summary": "Decide for another gate, and give it the proofs",
                "security": [{"token": []}],
                "requestBody": body("Application"),
                "responses": {"200": answer("The decision and its proofs", "Corroboration"),
                    "400": failure("The request says nothing that can be decided"),
                    "401": failure("The token is missing or wrong"),
                    "500": failure("Nothing is decided")},
            }},
            "/v1/step-ca/authorize": {"post": {
                "operationId": "authorize",
                "summary": "The webhook of step-ca, of kind AUTHORIZING",
                "security": [{"stepCa": []}],
                "requestBody": {"required": true, "content": {"application/json": {}}},
                "responses": {"200": answer("May it sign?", "StepCaAnswer"),
                    "401": failure("The signature is missing or wrong"),
                    "500": failure("Nothing is decided; nothing may be issued")},
            }},
            "/openapi.json": {"get": {
                "operationId": "openapi",
                "summary": "This document",
                "responses": {"200": {"description": "The document", "content": {"application/json": {}}}},
            }},
            "/healthz": {"get": {
                "operationId": "health",
                "summary": "Whether the gate runs",
                "responses": {"200": {"description": "It does", "content": {"application/json": {}}}},
            }},
        },
        "components": {"securitySchemes": schemes(), "schemas": schemas()},
    })
}

fn schemes() -> Value {
    json!({
        "token": {"type": "http", "scheme": "bearer"},
        "stepCa": {"type": "apiKey", "in": "header", "name": "X-Smallstep-Signature"},
    })
}

fn schemas() -> Value {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "integer"});
    let optional = || json!({"type": ["string", "null"]});
    let word = |words: &[&str]| json!({"type": "string", "enum": words});
    let hash = || json!({"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"});
    let verdict = || word(&["allow", "deny"]);
    let purpose = || word(&["tls", "smime", "mark"]);
    json!({
        "Application": object(&["names"], json!({
            "names": {"type": "array", "minItems": 1, "maxItems": 1000, "items": reference("Name")},
            "account": text(),
            "parent_accounts": list(text()),
            "issuers": list(text()),
            "purpose": purpose(),
            "reference": text(),
        })),
        "Name": object(&["name"], json!({"name": text(), "method": text()})),
        "Record": object(&["id", "prev", "at", "source", "verdict", "purpose", "demand", "issuers", "accounts", "names"], json!({
            "id": number(),
            "prev": text(),
            "at": {"type": "string", "format": "date-time"},
            "source": word(&["acme", "api", "step-ca", "corroboration"]),
            "reference": optional(),
            "verdict": verdict(),
            "purpose": purpose(),
            "demand": word(&["validated", "secure"]),
            "issuers": list(text()),
            "accounts": list(reference("Account")),
            "names": list(reference("Judged")),
            "perspectives": {"anyOf": [reference("Perspectives"), {"type": "null"}]},
        })),
        "Account": object(&["uri", "relation"], json!({"uri": text(), "relation": word(&["own", "parent"])})),
        "Judged": object(&["name", "verdict", "reason", "lookups"], json!({
            "name": text(),
            "method": optional(),
            "verdict": verdict(),
            "reason": text(),
            "property": {"type": ["integer", "null"]},
            "lookups": list(reference("Lookup")),
        })),
        "Lookup": object(&["name", "validated_at", "ttl_s", "hops", "outcome", "records"], json!({
            "name": text(),
            "validated_at": {"type": "string", "format": "date-time"},
            "ttl_s": number(),
            "hops": list(reference("Hop")),
            "outcome": word(&["records", "none", "failed"]),
            "records": list(text()),
            "failure": {"anyOf": [reference("Failure"), {"type": "null"}]},
            "proof": hash(),
        })),
        "Hop": object(&["name", "security"], json!({
            "name": text(),
            "security": word(&["secure", "insecure", "indeterminate", "bogus"]),
        })),
        "Failure": object(&["why", "tries"], json!({"why": text(), "tries": number()})),
        "Perspectives": object(&["corroboration", "said"], json!({
            "remotes_min": {"type": ["integer", "null"]},
            "regions_min": {"type": ["integer", "null"]},
            "corroboration": word(&["enough", "too-few-asked", "too-few-permit", "too-few-regions"]),
            "said": list(reference("Said")),
        })),
        "Said": object(&["name", "region", "word"], json!({
            "name": text(),
            "region": word(&["afrinic", "apnic", "arin", "lacnic", "ripe"]),
            "word": word(&["permits", "refuses", "silent"]),
            "why": optional(),
            "record": {"anyOf": [reference("Record"), {"type": "null"}]},
        })),
        "Corroboration": object(&["record", "proofs"], json!({
            "record": reference("Record"),
            "proofs": {"type": "object", "additionalProperties": {"type": "string", "contentEncoding": "base64"}},
        })),
        "StepCaAnswer": object(&["allow"], json!({"allow": {"type": "boolean"}, "error": reference("StepCaError")})),
        "StepCaError": object(&["code", "message"], json!({"code": text(), "message": text()})),
        "Error": object(&["error"], json!({"error": text()})),
    })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn content(schema: &str) -> Value {
    json!({"application/json": {"schema": reference(schema)}})
}

fn body(schema: &str) -> Value {
    json!({"required": true, "content": content(schema)})
}

fn answer(description: &str, schema: &str) -> Value {
    json!({"description": description, "content": content(schema)})
}

fn failure(description: &str) -> Value {
    answer(description, "Error")
}

fn path(name: &str, schema: Value) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}
