// What `npm start` runs: this host's metrics, scraped, relabelled and kept in memory to be looked at.

export const defaultConfigName = 'embedded.alloy'

export const defaultConfig = `// This host's metrics, kept in memory: see http://127.0.0.1:12345/live/metrics
prometheus.exporter.unix "host" { }

discovery.relabel "host" {
	targets = prometheus.exporter.unix.host.targets

	rule {
		target_label = "instance"
		replacement  = constants.hostname
	}

	rule {
		target_label = "job"
		replacement  = "integrations/node_exporter"
	}
}

prometheus.scrape "host" {
	targets         = discovery.relabel.host.output
	forward_to      = [prometheus.relabel.host.receiver]
	scrape_interval = "15s"
	honor_metadata  = true // types and help for the page; experimental in Alloy
}

prometheus.relabel "host" {
	forward_to = [prometheus.live.host.receiver]

	rule {
		source_labels = ["__name__"]
		regex         = "node_scrape_collector_.+"
		action        = "drop"
	}
}

prometheus.live "host" { }
`
