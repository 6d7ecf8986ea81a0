// Runs a Node handler: asks the Runtime API for events, one after the other. [lambda.md 2, 4, 5, 7]
"use strict";

const fs = require("fs");
const http = require("http");
const Module = require("module");
const path = require("path");
const util = require("util");
const { pathToFileURL } = require("url");

const ROOT = process.env.LAMBDA_TASK_ROOT;
const LAYERS = process.env.BATCHD_LAYERS || "/opt";
const [HOST, PORT] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const API = "/2018-06-01/runtime/";
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId = "";

class Refusal extends Error {
  constructor(type, message) {
    super(message);
    this.name = type;
  }
}

function call(method, where, body, headers = {}) {
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const options = { host: HOST, port: PORT, agent, method, path: API + where, headers: { ...length, ...headers } };
  return new Promise((resolve, reject) => {
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

// --- what goes wrong ---

function described(error) {
  if (error instanceof Error) {
    const trace = (error.stack || "").split("\n");
    return { errorType: error.name || "Error", errorMessage: error.message, trace };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function logged(error, what) {
  const { errorType, errorMessage, trace } = described(error);
  const more = error instanceof Error ? error : {};
  process.stdout.write(line("ERROR", `${what} \t${JSON.stringify({ ...more, errorType, errorMessage, stack: trace })}`));
}

function failure(error) {
  const body = JSON.stringify(described(error));
  return [body, { "Lambda-Runtime-Function-Error-Type": described(error).errorType }];
}

// --- the console ---

function line(level, text) {
  return `${new Date().toISOString()}\t${requestId || "undefined"}\t${level}\t${text.replace(/\n/g, "\r")}\n`;
}

function patchConsole() {
  const levels = { log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR", trace: "TRACE" };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...args) => process.stdout.write(line(level, util.format(...args)));
  }
}

// --- the handler ---

// Version 2 of AWS's SDK does not read AWS_ENDPOINT_URL.
function patchOldSdk() {
  const load = Module._load;
  Module._load = function (name, ...more) {
    const loaded = load.call(this, name, ...more);
    const endpoint = process.env.AWS_ENDPOINT_URL;
    if (name === "aws-sdk" && endpoint && loaded.config && !loaded.config.endpoint) {
      loaded.config.update({ endpoint });
    }
    return loaded;
  };
}

function handlerParts(text) {
  if (text.includes("..")) {
    const help = "Use absolute paths when specifying root directories in handler names.";
    throw new Refusal("Runtime.MalformedHandlerName", `'${text}' is not a valid handler name. ${help}`);
  }
  const base = path.basename(text);
  const dot = base.indexOf(".");
  if (dot < 1) throw new Refusal("Runtime.MalformedHandlerName", "Bad handler");
  const folder = text.slice(0, text.length - base.length);
  return [path.resolve(ROOT, folder, base.slice(0, dot)), base.slice(dot + 1).split(".")];
}

function isModule(file) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const description = path.join(folder, "package.json");
    if (fs.existsSync(description)) return JSON.parse(fs.readFileSync(description, "utf8")).type === "module";
    if (folder === path.dirname(folder)) return false;
  }
}

async function loadModule(base) {
  if (fs.existsSync(`${base}.js`)) {
    return isModule(`${base}.js`) ? import(pathToFileURL(`${base}.js`)) : require(`${base}.js`);
  }
  if (fs.existsSync(`${base}.mjs`)) return import(pathToFileURL(`${base}.mjs`));
  if (fs.existsSync(`${base}.cjs`)) return require(`${base}.cjs`);
  return require(base);
}

async function loadHandler(text) {
  const [base, names] = handlerParts(text);
  let loaded;
  try {
    loaded = await loadModule(base);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal("Runtime.UserCodeSyntaxError", String(error));
    if (error.code === "MODULE_NOT_FOUND" || error.code === "ERR_MODULE_NOT_FOUND") {
      throw new Refusal("Runtime.ImportModuleError", String(error));
    }
    throw error;
  }
  const found = names.reduce((value, name) => (value === undefined || value === null ? value : value[name]), loaded);
  if (found === undefined) throw new Refusal("Runtime.HandlerNotFound", `${text} is undefined or not exported`);
  if (typeof found !== "function") throw new Refusal("Runtime.HandlerNotFound", `${text} is not a function`);
  return found;
}

// --- one event ---

function contextOf(headers, done) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const clientContext = headers["lambda-runtime-client-context"];
  return {
    awsRequestId: requestId,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: clientContext ? JSON.parse(clientContext) : undefined,
    identity: undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done,
    succeed: (result) => done(null, result),
    fail: (error) => done(error === undefined || error === null ? new Error("handled") : error),
  };
}

// The result of a callback is sent when nothing is left to do, unless the function wants it at once.
let whenIdle = null;

function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (error, result) => {
      const settle = () => (error === undefined || error === null ? resolve(result) : reject(error));
      if (context.callbackWaitsForEmptyEventLoop) whenIdle = settle;
      else settle();
    };
    const context = contextOf(headers, done);
    const promised = handler(event, context, done);
    if (promised && typeof promised.then === "function") promised.then(resolve, reject);
    else if (handler.length < 3 && whenIdle === null) whenIdle = () => resolve(promised);
  });
}

async function answer(handler, next) {
  requestId = next.headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"] || "";
  let result;
  try {
    result = await run(handler, JSON.parse(next.body), next.headers);
  } catch (error) {
    logged(error, "Invoke Error");
    await call("POST", `invocation/${requestId}/error`, ...failure(error));
    return;
  }
  const body = result === undefined ? "null" : JSON.stringify(result);
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  const type = { "Content-Type": `application/json; peak-mib=${peak}` };
  await call("POST", `invocation/${requestId}/response`, body === undefined ? "null" : body, type);
}

function dieOf(error) {
  logged(error, "Uncaught Exception");
  const ended = requestId ? `invocation/${requestId}/error` : "init/error";
  call("POST", ended, ...failure(error)).finally(() => process.exit(129));
}

async function main() {
  process.chdir(ROOT);
  process.env.NODE_PATH = [`${LAYERS}/nodejs/node_modules`, `${ROOT}/node_modules`].join(":");
  Module._initPaths();
  patchConsole();
  patchOldSdk();
  process.on("uncaughtException", dieOf);
  process.on("unhandledRejection", (reason) => {
    const error = new Refusal("Runtime.UnhandledPromiseRejection", String(reason));
    if (reason instanceof Error) error.stack = reason.stack;
    dieOf(error);
  });
  process.on("beforeExit", () => {
    if (whenIdle === null) {
      const exit = new Refusal("Runtime.NodeJsExit", "the handler's promise never settles, and nothing is left to do");
      return dieOf(exit);
    }
    const settle = whenIdle;
    whenIdle = null;
    return settle();
  });
  let handler;
  try {
    handler = await loadHandler(process.env._HANDLER);
  } catch (error) {
    logged(error, "Uncaught Exception");
    await call("POST", "init/error", ...failure(error));
    process.exit(1);
  }
  for (;;) await answer(handler, await call("GET", "invocation/next"));
}

main();
