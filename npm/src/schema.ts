import { WireError } from "./errors.js";

/** The part of the Standard Schema interface (version 1) that is used here: zod, valibot and arktype have it. */
export interface StandardSchema<Value = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Result<Value> | Promise<Result<Value>>;
    readonly types?: { readonly input: unknown; readonly output: Value } | undefined;
  };
}

type Result<Value> = { readonly value: Value; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A schema for each message type. */
export type Schemas = Record<string, StandardSchema>;
/** What a schema makes of its input. */
export type Output<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>["output"];

/** What the schema makes of the data; throws a `WireError` if it is not what it should be. */
export function validate(type: string, schema: StandardSchema, data: unknown): unknown {
  const result = schema["~standard"].validate(data);
  if (result instanceof Promise) {
    result.catch(() => {});
    throw new WireError(
      "async-schema",
      `the schema of "${type}" is asynchronous: use one that is not, so that messages keep their order`,
    );
  }
  if (result.issues) {
    const { message = "", path = [] } = result.issues[0] ?? {};
    // Not its own `map`: that of a subclass makes an array of its kind.
    const at = Array.from(path, (part) => String(typeof part === "object" ? part.key : part)).join(".");
    throw new WireError(
      "invalid-data",
      `a "${type}" came that its schema refuses${at && `, at ${at}`}: ${message}`,
      false,
      result.issues,
    );
  }
  return result.value;
}
