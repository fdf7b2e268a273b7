import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import type { Plugin } from 'graphql-yoga'

/** A tab that GraphiQL opens with: one for each principal of the demo data. */
export type GraphiqlTab = {
  readonly title: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
}

/** The page runs its own inline script and workers made from it, and speaks to this server alone. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  'worker-src blob:',
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** Tabs that a browser kept from an earlier start would come first, without headers. */
const FORGET_TABS =
  "for (const key of Object.keys(localStorage)) if (key.startsWith('graphiql:')) localStorage.removeItem(key);"

/** The page, whole: it loads nothing from elsewhere. */
export function graphiqlPage(tabs: readonly GraphiqlTab[]): string {
  const defaultTabs = tabs.map(({ title, query, headers }) => ({
    query: `# ${title}\n${query}`,
    headers: JSON.stringify(headers, null, 2),
  }))
  const page = renderGraphiQL({
    title: 'Pipelet Privacy',
    shouldPersistHeaders: false,
    defaultTabs,
    // The editor fills its first tab from here and not from the tab itself.
    ...(defaultTabs[0] ? { headers: defaultTabs[0].headers } : {}),
  })
  return page.replace('<script>', `<script>${FORGET_TABS}`)
}

/**
 * Serves GraphiQL to browsers that open the endpoint. In development only: the page needs inline scripts, and its tabs
 * hold demo tokens.
 */
export function useGraphiqlPage(tabs: readonly GraphiqlTab[]): Plugin {
  const page = graphiqlPage(tabs)
  return {
    onRequest({ request, fetchAPI, endResponse }) {
      if (request.method !== 'GET' || request.headers.get('accept')?.includes('text/html') !== true) return
      const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': PAGE_POLICY }
      endResponse(new fetchAPI.Response(page, { status: 200, headers }))
    },
  }
}
