// The wire format's schema, which the handlers are tested against as well: what the tracker sends and what the page reads has to fit it.

import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const schema = JSON.parse(readFileSync(new URL("../../lambdas/shared/schema/events.schema.json", import.meta.url)));
// Types may be lists, and limits stand beside types that they do not concern.
const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, strictTypes: false });
ajv.addSchema(schema);

/** Fails unless `value` is a `batch`, `received`, `realtime`, `stats` or `error`. */
export function fits(definition, value) {
  const validate = ajv.getSchema(`${schema.$id}#/$defs/${definition}`);
  assert.ok(validate(value), `no ${definition}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
}
