import { SingleBar } from 'cli-progress'

/** Shows how far an import is. */
export type Progress = {
  show(rows: number): void
  stop(): void
}

const LINE_EVERY_MS = 5_000

/** A bar on a terminal; elsewhere, such as in CI, a line every 5 seconds. */
export function showProgress(
  total: number,
  { stream, now }: { readonly stream: NodeJS.WriteStream; readonly now: () => number },
): Progress {
  if (!stream.isTTY) return lines(total, stream, now)
  const bar = new SingleBar({ format: 'rows [{bar}] {value}/{total}, {eta_formatted} left', stream })
  bar.start(total, 0)
  return { show: (rows) => bar.update(rows), stop: () => bar.stop() }
}

function lines(total: number, stream: NodeJS.WritableStream, now: () => number): Progress {
  let shownAtMs = now()
  return {
    show: (rows) => {
      if (now() - shownAtMs < LINE_EVERY_MS) return
      shownAtMs = now()
      stream.write(`${rows} of ${total} rows\n`)
    },
    stop: () => {},
  }
}
