SELECT from_segment, to_segment, customers, share, monetary AS revenue
FROM rfm_transitions({source}, from_as_of => timestamptz {as_of} - interval '90 days', to_as_of => {as_of}{options})
ORDER BY customers DESC, from_segment, to_segment
