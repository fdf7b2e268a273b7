/** A message of a stream of server-sent events. */
export type SseMessage = {
  /** Its type; `message` where it names none. */
  readonly event: string
  readonly data: string
  /** The last `id` of the stream up to and with this message; empty where there was none. */
  readonly lastEventId: string
}

/** Reads such a stream. */
export type SseParser = {
  /** The messages that this chunk of bytes completes. @throws Error when one is larger than 1 MiB */
  push(chunk: Uint8Array): SseMessage[]
  /** The last `id` that was completed by an empty line, with data or without; empty before the first. */
  lastEventId(): string
}

const MESSAGE_CHARS_MAX = 1_048_576

/**
 * A parser for one stream: chunks may be cut anywhere, also inside a character or a line break. Comments and unknown
 * fields are passed over, and so is `retry`: how long to wait is the reader's decision. A message that is not completed
 * by an empty line is none.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function createSseParser(): SseParser {
  const decoder = new TextDecoder()
  let rest = ''
  let afterReturn = false
  let message = { event: '', data: '', id: '' }
  let lastEventId = ''

  const readLine = (line: string): SseMessage[] => {
    if (line === '') {
      const { event, data, id } = message
      message = { event: '', data: '', id }
      lastEventId = id
      return data === '' ? [] : [{ event: event || 'message', data: data.slice(0, -1), lastEventId }]
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'data') message.data += `${value}\n`
    else if (field === 'event') message.event = value
    else if (field === 'id' && !value.includes('\0')) message.id = value
    return []
  }

  return {
    push(chunk) {
      let text = decoder.decode(chunk, { stream: true })
      if (text === '') return []
      if (afterReturn && text.startsWith('\n')) text = text.slice(1)
      afterReturn = text === '' ? false : text.endsWith('\r')
      const lines = (rest + text).split(/\r\n|\r|\n/)
      rest = lines.pop() ?? ''
      const messages = lines.flatMap(readLine)
      if (rest.length + message.data.length > MESSAGE_CHARS_MAX) throw new Error('a message is larger than 1 MiB')
      return messages
    },
    lastEventId: () => lastEventId,
  }
}
