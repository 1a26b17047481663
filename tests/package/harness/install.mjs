// Projects that have the package as their users get it: installed by npm from the tarball that `npm pack` makes.

import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const HERE = fileURLToPath(new URL("..", import.meta.url));
const PACKAGE = process.env.EVERWIRE_PACKAGE ?? join(HERE, "../../pkg");
const TARGET = join(process.env.EVERWIRE_TARGET ?? join(HERE, "../../target"), "package");
const NPM = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
// The slowest is the first download of a framework on a slow line.
const LIMIT_MS = 400_000;

/** The tools of a folder of tests in their locked versions, and projects beside them that have the package installed. */
export class Group {
  /** `name` is a folder here with a lock file. */
  static async install(name) {
    const group = new Group();
    group.source = join(HERE, name);
    group.folder = join(TARGET, name);
    await mkdir(group.folder, { recursive: true });
    await group.#installTools();
    await group.#installPackage();
    return group;
  }

  /** The version of a tool that is installed. */
  async version(tool) {
    return JSON.parse(await readFile(join(this.folder, "node_modules", tool, "package.json"), "utf8")).version;
  }

  /** The program of a tool. */
  program(tool) {
    return join(this.folder, "node_modules/.bin", tool);
  }

  /** A copy of a folder of the group. Like all projects it finds `everwire` and the tools among the packages above it. */
  async project(name, from = name) {
    const folder = join(this.folder, "projects", name);
    await cp(join(this.source, from), folder, { recursive: true });
    return folder;
  }

  /** The same with the files of `shared/` beside those of the folder, if there is one. */
  async exchangingProject(name, from) {
    const folder = join(this.folder, "projects", name);
    await cp(join(HERE, "shared"), folder, { recursive: true });
    return from ? this.project(name, from) : folder;
  }

  async #installTools() {
    const lock = await readFile(join(this.source, "package-lock.json"));
    const stamp = join(this.folder, "node_modules/.everwire-lock");
    const installed = await readFile(stamp).catch(() => undefined);
    if (installed?.equals(lock)) return;
    for (const file of ["package.json", "package-lock.json"]) {
      await cp(join(this.source, file), join(this.folder, file));
    }
    // Not `npm ci`: that wants the packages for all other platforms in the lock file, and some are not to be had everywhere.
    await rm(join(this.folder, "node_modules"), { recursive: true, force: true });
    await run("npm", ["install", ...NPM], this.folder);
    await writeFile(stamp, lock);
  }

  async #installPackage() {
    const projects = join(this.folder, "projects");
    await rm(projects, { recursive: true, force: true });
    await mkdir(projects);
    this.tarball = await pack(projects);
    await writeFile(join(projects, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await run("npm", ["install", ...NPM, "--no-package-lock", this.tarball], projects);
  }
}

/** Runs a program to its end and answers what it printed; fails with all it said when it fails. */
export async function run(program, args, cwd, env = {}) {
  try {
    const options = { cwd, env: { ...process.env, ...env }, timeout: LIMIT_MS, maxBuffer: 1 << 26 };
    return (await promisify(execFile)(program, args, options)).stdout;
  } catch (error) {
    throw new Error(`${program} ${args.join(" ")}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  }
}

async function pack(destination) {
  const said = await run("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", destination], PACKAGE);
  const [{ filename }] = JSON.parse(said);
  return join(destination, filename);
}
