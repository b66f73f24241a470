/**
 * The one way a screen draws with ECharts: loaded when the first chart is shown, one instance a frame, drawn anew when what it
 * says changes, resized with its frame. Screens give options and never hold an instance.
 */
import type { ECharts, EChartsCoreOption } from 'echarts/core'
import { type RefObject, useEffect, useRef, useState } from 'react'

async function loadCharts() {
  const [core, charts, parts, renderers] = await Promise.all([
    import('echarts/core'),
    import('echarts/charts'),
    import('echarts/components'),
    import('echarts/renderers'),
  ])
  core.use([
    charts.BarChart,
    charts.LineChart,
    charts.ScatterChart,
    charts.HeatmapChart,
    parts.GridComponent,
    parts.TooltipComponent,
    parts.CalendarComponent,
    parts.VisualMapComponent,
    parts.AxisPointerComponent,
    parts.AriaComponent,
    renderers.CanvasRenderer,
  ])
  return core
}

/** A frame to draw in, and whether it is drawn; `build` is asked again whenever one of `causes` changes. */
export function useChart(
  build: () => object,
  causes: readonly unknown[],
): { frame: RefObject<HTMLDivElement | null>; drawn: boolean } {
  const frame = useRef<HTMLDivElement>(null)
  const [chart, setChart] = useState<ECharts>()
  useEffect(() => {
    let stopped = false
    let made: ECharts | undefined
    let observer: ResizeObserver | undefined
    void loadCharts().then(core => {
      if (stopped || !frame.current) return
      made = core.init(frame.current, undefined, { renderer: 'canvas' })
      observer = new ResizeObserver(() => made?.resize())
      observer.observe(frame.current)
      setChart(made)
    })
    return () => {
      stopped = true
      observer?.disconnect()
      made?.dispose()
    }
  }, [])
  useEffect(() => {
    if (!chart || !frame.current) return
    const option = build() as EChartsCoreOption & { textStyle?: object }
    // A canvas inherits no font: it is told the one of its frame.
    const { fontFamily } = getComputedStyle(frame.current)
    chart.setOption({ ...option, textStyle: { ...option.textStyle, fontFamily } }, { notMerge: true })
  }, [chart, ...causes])
  return { frame, drawn: chart !== undefined }
}
