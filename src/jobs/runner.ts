import type { Database } from '../db/database.ts'
import { addSeconds, CLOCK_SKEW_SECONDS, type Clock } from '../time/clock.ts'
import { type JobHandler, runJobStep, type ScheduledTask } from './jobs.ts'

const IDLE_MS = 1_000
const RETRY_SECONDS = 30

export type RunnerOptions = {
  readonly db: Database
  readonly clock: Clock
  readonly tasks: readonly ScheduledTask[]
  readonly handlers: readonly JobHandler[]
  /** Told what failed, and how; the runner goes on. */
  readonly onFailure: (name: string, error: unknown) => void
}

/** The worker: recurring tasks and queued jobs. Any number of them may run on one database. */
export class Runner {
  readonly #options: RunnerOptions
  #stopping = new AbortController()
  #loops: Promise<unknown> | undefined

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  /** Does everything that is due now and returns when nothing is. @returns how many pieces of work were done */
  async runDue(): Promise<number> {
    let count = 0
    for (const lane of this.#lanes()) count += await this.#runLane(lane, this.#stopping.signal)
    return count
  }

  /** Works until `stop`. */
  start(): void {
    if (this.#loops) return
    this.#stopping = new AbortController()
    const { signal } = this.#stopping
    this.#loops = Promise.all(this.#lanes().map((lane) => this.#work(lane, signal)))
  }

  /** Finishes the pieces of work in hand and ends. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loops
    this.#loops = undefined
  }

  #lanes(): (string | undefined)[] {
    return [...new Set([undefined, ...this.#options.tasks.map((task) => task.lane)])]
  }

  async #work(lane: string | undefined, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const done = await this.#runLane(lane, signal).catch((error: unknown) => {
        this.#options.onFailure('runner', error)
        return 0
      })
      if (done === 0) await idle(signal)
    }
  }

  async #runLane(lane: string | undefined, signal: AbortSignal): Promise<number> {
    const { db, clock, handlers } = this.#options
    let count = 0
    for (const task of this.#options.tasks.filter((each) => each.lane === lane)) {
      if (!(await this.#claim(task))) continue
      count += 1
      await this.#run(task, signal)
    }
    if (lane === undefined) while (!signal.aborted && (await runJobStep(db, clock, handlers))) count += 1
    return count
  }

  async #run(task: ScheduledTask, signal: AbortSignal): Promise<void> {
    const { clock, onFailure } = this.#options
    try {
      await task.run(signal)
      await this.#note(task, null)
    } catch (error) {
      onFailure(task.name, error)
      await this.#note(task, addSeconds(clock.now(), Math.min(RETRY_SECONDS, task.everySeconds)))
    }
  }

  /**
   * Takes a due task by moving its due time, so that no other worker runs it meanwhile. A due time that lies further ahead
   * than the interval was reckoned while the clock was ahead: it is due now.
   */
  async #claim(task: ScheduledTask): Promise<boolean> {
    const { db, clock } = this.#options
    const now = clock.now()
    const next = addSeconds(now, task.everySeconds)
    const claimed = await db.worker(
      (tx) => tx.$executeRaw`
        insert into schedule (name, due_at) values (${task.name}, ${next})
        on conflict (name) do update set due_at = excluded.due_at
          where schedule.due_at <= ${now} or schedule.due_at > ${addSeconds(next, CLOCK_SKEW_SECONDS)}`,
    )
    return claimed === 1
  }

  async #note(task: ScheduledTask, retryAt: Date | null): Promise<void> {
    const { db, clock } = this.#options
    await db.worker((tx) =>
      tx.schedule.updateMany({
        where: { name: task.name },
        data:
          retryAt === null
            ? { lastRunAt: clock.now(), attempts: 0, lastProblem: null }
            : { dueAt: retryAt, attempts: { increment: 1 }, lastProblem: 'TASK_FAILED' },
      }),
    )
  }
}

function idle(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, IDLE_MS)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
