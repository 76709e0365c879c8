query_attributes tenant 17 traceparent 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
SELECT 'with attributes';
SELECT 'without';
