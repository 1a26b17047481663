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

type Result<Value> =
  { readonly value: Value; readonly issues?: undefined } | { readonly issues: readonly { readonly message: string }[] };

/** A schema for each message type. */
export type Schemas = Record<string, StandardSchema>;
/** What a schema makes of its input. */
export type Output<S> = S extends StandardSchema<infer Value> ? Value : never;

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
    const [first] = result.issues;
    throw new WireError(
      "invalid-data",
      `a "${type}" came that its schema refuses: ${first?.message ?? ""}`,
      false,
      result.issues,
    );
  }
  return result.value;
}
