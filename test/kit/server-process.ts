import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Variables of this machine that a server may see; everything else a test or bench sets itself. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG'] as const

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** How a process ended, and what it printed. */
export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly output: string }

/** A server that runs as its own process. */
export type ServerProcess = {
  /** Where it is reached, without a path. */
  readonly url: string
  readonly child: ChildProcess
  /** What it printed so far, log and text. */
  output(): string
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ended>
  /** Sends a signal (default SIGTERM) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>
}

type Env = Readonly<Record<string, string>>

/** Runs a program of this repository with exactly `env`. `output` keeps both streams. */
export function spawnProgram(path: string, env: Env, args: readonly string[] = [], nodeArgs: readonly string[] = []) {
  const passed = PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  const child = spawn(process.execPath, [...nodeArgs, path, ...args], {
    cwd: ROOT,
    env: { ...Object.fromEntries(passed), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const ended = once(child, 'close').then(
    ([code, signal]): Ended => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, output }),
  )
  return { child, ended, output: () => output }
}

/**
 * Starts `src/main.ts` on a free port with exactly `env`, and waits until it is ready.
 * @throws Error with what it printed when it ends instead.
 */
export async function startServerProcess(env: Env, nodeArgs: readonly string[] = []): Promise<ServerProcess> {
  const program = spawnProgram('src/main.ts', { PORT: '0', ...env }, [], nodeArgs)
  const { child, ended } = program
  const url = await new Promise<string>((resolve, reject) => {
    const look = () => {
      const found = /^Listening on (\S+)\/graphql$/m.exec(program.output())
      if (found?.[1]) resolve(found[1])
    }
    child.stdout.on('data', look)
    ended.then(({ output }) => reject(new Error(`the server did not start:\n${output}`)))
  })
  const ready = await fetch(`${url}/ready`)
  if (ready.status !== 200) throw new Error(`the server says that it listens and is not ready: ${ready.status}`)
  return {
    url,
    child,
    ended,
    output: program.output,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal)
      return ended
    },
  }
}
