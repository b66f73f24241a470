/**
 * Builds the console: every html page of this folder is an entry, output goes to console/dist, which the server serves.
 * Heavy engines (map, charts) are loaded by the feature that shows them; the vendor groups below only keep a release's
 * own code in files of its own, so that an update re-downloads little.
 */
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  server: {
    proxy: {
      '/v1': 'http://127.0.0.1:8120',
      '/readyz': 'http://127.0.0.1:8120',
      '/socket.io': { target: 'ws://127.0.0.1:8120', ws: true },
    },
  },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // antd is one library and lies behind the sign-in of a local network; the map and chart engines are lazy.
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: {
      input: { desk: `${import.meta.dirname}/index.html`, call: `${import.meta.dirname}/call.html` },
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
            { name: 'antd', test: /node_modules[\\/](antd|@ant-design|@rc-component|dayjs)[\\/]/ },
            { name: 'echarts', test: /node_modules[\\/](echarts|zrender)[\\/]/ },
          ],
        },
      },
    },
  },
})
